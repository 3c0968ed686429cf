import type { DataOf } from '../array.ts'
import { MediaError } from '../errors.ts'
import type { Allocate } from '../image/fill.ts'
import { bytesPer, type ImageDType, imageArray } from '../image/pixel-format.ts'

/** Bytes that are made room for on a header's word. */
const MOST_BELIEVED = 1 << 28

/** Gathers frames one behind the other, in memory that grows as it is needed. */
export class FrameStore {
  /** Frames that are there. */
  count = 0
  /** When each is shown. */
  readonly timesSec: number[] = []
  /** Whether each is a keyframe. */
  readonly isKeyframe: number[] = []
  readonly #dtype: ImageDType
  readonly #size: number
  readonly #allocate: Allocate
  #room: number
  #data: DataOf[ImageDType]

  /**
   * @param size elements of a frame
   * @param expected frames; an estimate, unless `memory` is given, which has room for just so many
   */
  constructor(
    dtype: ImageDType,
    size: number,
    expected: number,
    allocate: Allocate,
    memory?: DataOf[ImageDType],
  ) {
    this.#dtype = dtype
    this.#size = size
    this.#allocate = allocate
    const believed = Math.floor(MOST_BELIEVED / (size * bytesPer(dtype)))
    this.#room = memory === undefined ? Math.max(1, Math.min(expected, believed)) : expected
    this.#data = memory ?? this.#memory(this.#room)
  }

  /** Room for the next frame. */
  next(timeSec: number, isKeyframe: boolean): DataOf[ImageDType] {
    if (this.count === this.#room) this.#grow()
    this.timesSec.push(timeSec)
    this.isKeyframe.push(isKeyframe ? 1 : 0)
    this.count += 1
    return this.at(this.count - 1)
  }

  /** The place of a frame. */
  at(index: number): DataOf[ImageDType] {
    return this.#data.subarray(index * this.#size, (index + 1) * this.#size) as DataOf[ImageDType]
  }

  /** The last frame once more. */
  repeat(timeSec: number, isKeyframe: boolean): void {
    const from = this.count - 1
    const to = this.next(timeSec, isKeyframe)
    to.set(this.at(from) as never)
  }

  /** All frames: a view where a little room was left. */
  finish(): DataOf[ImageDType] {
    const length = this.count * this.#size
    if (this.count === this.#room) return this.#data
    const isWasteful = this.count + (this.count >> 3) + 1 < this.#room
    return (isWasteful ? this.#data.slice(0, length) : this.#data.subarray(0, length)) as DataOf[ImageDType]
  }

  #grow(): void {
    const from = this.#data
    this.#room = Math.ceil(this.#room * 1.5) + 8
    this.#data = this.#memory(this.#room)
    this.#data.set(from as never)
  }

  #memory(frames: number): DataOf[ImageDType] {
    const bytes = frames * this.#size * bytesPer(this.#dtype)
    try {
      return imageArray(this.#dtype, frames * this.#size, this.#allocate(bytes))
    } catch (error) {
      throw new MediaError('ERR_UNSUPPORTED', `no memory for ${frames} frames (${bytes} bytes)`, {
        cause: error,
      })
    }
  }
}
