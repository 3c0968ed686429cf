import type { DataOf } from '../base/array.ts'
import { MediaError } from '../base/errors.ts'
import { checkBytes, type Limits } from '../ffmpeg/video-limits.ts'
import { bytesPer, type ImageDType, imageArray } from '../image/pixel-format.ts'
import type { Allocate } from './destination.ts'

/** Number of bytes that are allocated on the word of a header, and at most at a time. */
const MOST_BELIEVED = 1 << 28

/** Memory for some frames. */
interface Part {
  readonly data: DataOf[ImageDType]
  /** The number of its first frame, and its capacity in frames. */
  readonly first: number
  readonly room: number
}

/**
 * Collects consecutive frames, in parts that are added as needed and joined at the end. If there
 * are too many, it has not allocated more than `maxResultBytes`.
 */
export class FrameStore {
  /** Number of frames. */
  count = 0
  /** Time of each frame, in seconds. */
  readonly timesSec: number[] = []
  /** Whether each is a keyframe. */
  readonly isKeyframe: number[] = []
  readonly #dtype: ImageDType
  readonly #size: number
  readonly #allocate: Allocate
  readonly #limits: Limits
  /** Largest number of frames. */
  readonly #most: number
  readonly #parts: Part[] = []

  /**
   * @param size elements of a frame
   * @param expected number of frames; an estimate, except with `memory`, whose capacity it is
   */
  constructor(
    dtype: ImageDType,
    size: number,
    expected: number,
    allocate: Allocate,
    limits: Limits,
    memory?: DataOf[ImageDType],
  ) {
    this.#dtype = dtype
    this.#size = size
    this.#allocate = allocate
    this.#limits = limits
    const bytes = size * bytesPer(dtype)
    this.#most = memory === undefined ? Math.floor(limits.maxResultBytes / bytes) : expected
    if (memory !== undefined) {
      this.#parts.push({ data: memory, first: 0, room: expected })
      return
    }
    if (this.#most === 0) checkBytes(bytes, 'the pixels of a frame', limits)
    const believed = Math.min(Math.floor(MOST_BELIEVED / bytes), this.#most)
    const room = Math.max(1, Math.min(expected, believed))
    this.#parts.push({ data: this.#memory(room, allocate), first: 0, room })
  }

  /** Memory for the next frame. */
  next(timeSec: number, isKeyframe: boolean): DataOf[ImageDType] {
    const { first, room } = this.#parts.at(-1)!
    if (this.count === first + room) this.#grow()
    this.timesSec.push(timeSec)
    this.isKeyframe.push(isKeyframe ? 1 : 0)
    this.count += 1
    return this.at(this.count - 1)
  }

  /** Memory of a frame. */
  at(index: number): DataOf[ImageDType] {
    const { data, first } = this.#parts.findLast((part) => part.first <= index)!
    const at = (index - first) * this.#size
    return data.subarray(at, at + this.#size) as DataOf[ImageDType]
  }

  /** Repeats the last frame. */
  repeat(timeSec: number, isKeyframe: boolean): void {
    const from = this.count - 1
    const to = this.next(timeSec, isKeyframe)
    to.set(this.at(from) as never)
  }

  /** All frames: a view if a little capacity is left. */
  finish(): DataOf[ImageDType] {
    const length = this.count * this.#size
    const [{ data, room }] = this.#parts as [Part]
    if (this.#parts.length > 1) return this.#joined()
    if (this.count === room) return data
    const isWasteful = this.count + (this.count >> 3) + 1 < room
    return (isWasteful ? data.slice(0, length) : data.subarray(0, length)) as DataOf[ImageDType]
  }

  #grow(): void {
    if (this.count >= this.#most) {
      const bytes = (this.count + 1) * this.#size * bytesPer(this.#dtype)
      checkBytes(bytes, `${this.count + 1} frames or more`, this.#limits)
    }
    const most = Math.floor(MOST_BELIEVED / (this.#size * bytesPer(this.#dtype)))
    const room = Math.min(8 + (this.count >> 1), Math.max(1, most), this.#most - this.count)
    const data = this.#memory(room, (bytes) => Buffer.allocUnsafeSlow(bytes).buffer)
    this.#parts.push({ data, first: this.count, room })
  }

  #joined(): DataOf[ImageDType] {
    const all = this.#memory(this.count, this.#allocate)
    for (const { data, first, room } of this.#parts) {
      const frames = Math.min(room, this.count - first)
      all.set(data.subarray(0, frames * this.#size) as never, first * this.#size)
    }
    return all
  }

  #memory(frames: number, allocate: Allocate): DataOf[ImageDType] {
    const bytes = frames * this.#size * bytesPer(this.#dtype)
    try {
      return imageArray(this.#dtype, frames * this.#size, allocate(bytes))
    } catch (error) {
      throw new MediaError('ERR_UNSUPPORTED', `no memory for ${frames} frames (${bytes} bytes)`, {
        cause: error,
      })
    }
  }
}
