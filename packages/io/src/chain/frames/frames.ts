import type { Frame as AvFrame } from 'node-av/lib'
import { type Rules, text } from 'spindle/options'
import type { AnyNdArray, NdArray } from '../../base/array.ts'
import { badOption, MediaError } from '../../base/errors.ts'
import { mediaOptions } from '../../base/options.ts'
import { type FFmpeg, loadFFmpeg } from '../../ffmpeg/library.ts'
import { Handle } from '../handle.ts'
import { type Rational, secondsOfTick } from '../time.ts'
import { Frame } from './frame.ts'
import {
  type AudioArrayOptions,
  picturesFromArray,
  soundFromArray,
  type VideoArrayOptions,
} from './from-array.ts'
import { picturesToArray, pixelFormatNumber, soundToArray } from './to-array.ts'

/** Options of `Frames.toArray`. */
export interface ToArrayOptions {
  /**
   * Pixel format that pictures are converted to (bicubic), by FFmpeg's name, such as `'rgb24'`.
   * Default: as they are.
   */
  readonly pixelFormat?: string
}

const arrayOptions = mediaOptions('ToArrayOptions', {
  pixelFormat: text(),
} satisfies Rules<ToArrayOptions>)

/**
 * Decoded frames in FFmpeg's memory: pictures, or pieces of sound. They are reference-counted:
 * `slice`, `pick` and `clone` copy no pixels. Each set holds its references until you dispose of
 * it; using it afterwards is an error. Dispose of the sets that decoders, filter graphs and these
 * methods return. Sets that you pass to a filter graph or an encoder stay yours.
 */
export class Frames implements Iterable<Frame>, Disposable {
  readonly #ffmpeg: FFmpeg
  readonly #frames: AvFrame[]
  readonly #handle: Handle

  /**
   * @internal Made by decoders and filter graphs, which transfer the frames, or by {@link
   *   Frames.fromVideo} and {@link Frames.fromAudio}.
   */
  constructor(frames: AvFrame[]) {
    this.#ffmpeg = loadFFmpeg()
    this.#frames = frames
    this.#handle = new Handle('Frames', () => {
      for (const frame of frames) frame.free()
      frames.length = 0
    })
  }

  /**
   * Copies an array of pictures, `[N, H, W, 3]` and other shapes, into frames.
   *
   * @throws MediaError `ERR_BAD_OPTION` if shape, dtype and pixel format do not fit
   * @example
   * ```ts run
   * import assert from 'node:assert/strict'
   * import { Frames } from '@spindle/io/media'
   *
   * const clip = { data: Uint8Array.from({ length: 2 * 12 }, (_, i) => i), dtype: 'uint8', shape: [2, 2, 2, 3] } as const
   * const frames = Frames.fromVideo(clip, { frameRate: 25 })
   * assert.deepEqual(frames.toArray(), clip)
   * assert.deepEqual([...frames.timesSec], [0, 0.04])
   * frames[Symbol.dispose]()
   * ```
   */
  static fromVideo(array: NdArray, options: VideoArrayOptions): Frames {
    return new Frames(picturesFromArray(array, options))
  }

  /**
   * Copies an array of samples, `[channels, samples]`, into frames.
   *
   * @throws MediaError `ERR_BAD_OPTION` if shape and dtype do not fit
   */
  static fromAudio(array: NdArray, options: AudioArrayOptions): Frames {
    return new Frames(soundFromArray(array, options))
  }

  /** Number of frames. */
  get length(): number {
    return this.#open().length
  }

  /** Samples per channel in all frames; 0 for pictures. */
  get samples(): number {
    return this.#open().reduce((sum, { nbSamples }) => sum + nbSamples, 0)
  }

  /**
   * The time base of the first frame; all frames of one decoder or filter graph have the same.
   * `undefined` for an empty set.
   */
  get timeBase(): Rational | undefined {
    const first = this.#open()[0]
    return first === undefined ? undefined : { num: first.timeBase.num, den: first.timeBase.den }
  }

  /** Presentation time of each frame, in ticks of the time base. */
  get pts(): BigInt64Array {
    return BigInt64Array.from(this.#open(), ({ pts }) => pts)
  }

  /** Presentation time of each frame, in seconds. */
  get timesSec(): Float64Array {
    return Float64Array.from(this.#open(), ({ pts, timeBase }) => secondsOfTick(pts, timeBase))
  }

  /**
   * A frame by its index; a negative index counts from the end. It is valid as long as this set.
   *
   * @throws MediaError `ERR_BAD_OPTION` if the index is out of range
   */
  at(index: number): Frame {
    return new Frame(this.#ffmpeg, this.#native(index), this.#handle)
  }

  *[Symbol.iterator](): Iterator<Frame> {
    for (let i = 0; i < this.length; i++) yield this.at(i)
  }

  /** The frames from `start` to before `end`, every `step`-th, as a new set of the same memory. */
  slice(start?: number, end?: number, step = 1): Frames {
    if (!Number.isSafeInteger(step) || step < 1) throw badOption('step', 'an integer >= 1', step)
    return copies(
      this.#open()
        .slice(start, end)
        .filter((_, i) => i % step === 0),
    )
  }

  /**
   * The frames at the given indices, in that order, as a new set of the same memory. Indices may
   * repeat; negative ones count from the end.
   */
  pick(indices: readonly number[]): Frames {
    return copies(indices.map((index) => this.#native(index)))
  }

  /** All frames, as a new set of the same memory. */
  clone(): Frames {
    return copies(this.#open())
  }

  /**
   * Copies all frames into one array, in new memory. Pictures: `[N, H, W, C]` for interleaved
   * formats (`rgb24`, `gray8`); `[N, C, H, W]` for planes of equal size (`yuv444p`, and `gbrp`,
   * whose planes are green, blue, red); `[N, rows, W]` for planes of different sizes (`yuv420p` and
   * `nv12` have H * 3 / 2 rows), and `[N, samples]` for odd sizes of these. The dtype is uint8, or
   * uint16 for more than 8 bits. Sound: `[C, T]` for planar formats, `[T, C]` for the others, in
   * the dtype of the samples.
   *
   * @throws MediaError `ERR_BAD_STATE` if the set is empty, `ERR_UNSUPPORTED` if the frames differ
   *   or cannot be an array (palettes)
   */
  toArray(options: ToArrayOptions = {}): AnyNdArray {
    const { pixelFormat } = arrayOptions.check(options)
    const frames = this.#open()
    if (pixelFormat !== undefined) pixelFormatNumber(this.#ffmpeg, pixelFormat)
    const first = frames[0]
    if (first === undefined) throw new MediaError('ERR_BAD_STATE', 'no frames to make an array of')
    return first.width > 0 ? picturesToArray(frames, pixelFormat) : soundToArray(frames)
  }

  /** Frees the memory. It may be called again. */
  [Symbol.dispose](): void {
    this.#handle.close()
  }

  /**
   * @internal The frames themselves, for filter graphs and encoders, which keep their own
   *   references.
   */
  borrow(): readonly AvFrame[] {
    return this.#open()
  }

  #native(index: number): AvFrame {
    const frames = this.#open()
    const frame = Number.isInteger(index) ? frames.at(index) : undefined
    if (frame === undefined)
      throw badOption('index', `an integer from ${-frames.length} to ${frames.length - 1}`, index)
    return frame
  }

  #open(): AvFrame[] {
    this.#handle.check()
    return this.#frames
  }
}

function copies(frames: readonly AvFrame[]): Frames {
  const made: AvFrame[] = []
  for (const frame of frames) {
    const copy = frame.clone()
    if (copy === null) {
      for (const other of made) other.free()
      throw new MediaError('ERR_UNSUPPORTED', 'no memory for a frame')
    }
    made.push(copy)
  }
  return new Frames(made)
}
