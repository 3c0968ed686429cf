import type { Frame as AvFrame } from 'node-av/lib'
import type { FFmpeg } from '../../ffmpeg/library.ts'
import type { Handle } from '../handle.ts'
import { NO_TIME } from '../packets/blob.ts'
import { plain } from '../stream-info.ts'
import { type Rational, secondsOfTick } from '../time.ts'

/** FFmpeg's `AV_FRAME_FLAG_KEY`. */
const KEY_FLAG = 2

const PICTURE_TYPES = ['none', 'I', 'P', 'B', 'S', 'SI', 'SP', 'BI'] as const

/** How a picture was coded. */
export type PictureType = (typeof PICTURE_TYPES)[number]

/**
 * One of a set of {@link Frames}: a picture or a piece of sound. It is valid as long as the set is.
 */
export class Frame {
  readonly #ffmpeg: FFmpeg
  readonly #frame: AvFrame
  readonly #handle: Handle

  /** @internal */
  constructor(ffmpeg: FFmpeg, frame: AvFrame, handle: Handle) {
    this.#ffmpeg = ffmpeg
    this.#frame = frame
    this.#handle = handle
  }

  /** Whether it is a picture or sound. */
  get kind(): 'video' | 'audio' {
    return this.#open().width > 0 ? 'video' : 'audio'
  }

  /** Presentation time, in ticks of `timeBase`. */
  get pts(): bigint | undefined {
    const { pts } = this.#open()
    return pts === NO_TIME ? undefined : pts
  }

  /** Length of a tick in seconds. */
  get timeBase(): Rational {
    return plain(this.#open().timeBase)
  }

  /** Presentation time in seconds; `undefined` if unknown. */
  get timeSec(): number | undefined {
    const { pts } = this
    return pts === undefined ? undefined : secondsOfTick(pts, this.timeBase)
  }

  /** Duration in ticks; 0 if unknown. */
  get duration(): bigint {
    return this.#open().duration
  }

  /** Whether it was decoded from a keyframe. */
  get isKeyframe(): boolean {
    return (this.#open().flags & KEY_FLAG) !== 0
  }

  /** How the picture was coded. */
  get pictureType(): PictureType {
    return PICTURE_TYPES[this.#open().pictType] ?? 'none'
  }

  /** Whether the decoder found damage, which it has concealed as well as it could. */
  get isDamaged(): boolean {
    return this.#open().decodeErrorFlags !== 0
  }

  /** Width in pixels; 0 for sound. */
  get width(): number {
    return this.#open().width
  }

  /** Height in pixels; 0 for sound. */
  get height(): number {
    return this.#open().height
  }

  /** Pixel format, by FFmpeg's name, such as `'yuv420p'`; `undefined` for sound. */
  get pixelFormat(): string | undefined {
    const { format, width } = this.#open()
    return width > 0 ? (this.#ffmpeg.av.avGetPixFmtName(format as never) ?? undefined) : undefined
  }

  /** Samples per channel; 0 for pictures. */
  get samples(): number {
    return this.#open().nbSamples
  }

  /** Samples per second; 0 for pictures. */
  get sampleRate(): number {
    return this.#open().sampleRate
  }

  /** Number of channels; 0 for pictures. */
  get channels(): number {
    return this.#open().channelLayout.nbChannels
  }

  /** Sample format, by FFmpeg's name, such as `'fltp'`; `undefined` for pictures. */
  get sampleFormat(): string | undefined {
    const { format, width } = this.#open()
    return width > 0
      ? undefined
      : (this.#ffmpeg.av.avGetSampleFmtName(format as never) ?? undefined)
  }

  /** Ratio of a pixel's width to its height. */
  get sampleAspectRatio(): Rational | undefined {
    const { num, den } = this.#open().sampleAspectRatio
    return num > 0 && den > 0 ? { num, den } : undefined
  }

  /** Metadata from the decoder or a filter, such as `lavfi.…`. */
  get metadata(): Readonly<Record<string, string>> {
    return this.#open().getMetadata().getAll()
  }

  #open(): AvFrame {
    this.#handle.check()
    return this.#frame
  }
}
