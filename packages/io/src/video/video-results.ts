import type { DataOf, NdArray } from '../base/array.ts'
import { errorOf, type Fault, faultOf, type MediaError } from '../base/errors.ts'
import type { ImageDType } from '../image/pixel-format.ts'
import type { VideoLayout } from './video-options.ts'

/** Damage that was passed over. */
export interface VideoFailure {
  /** Where in the video, in seconds from its first frame; about, where the damage hides it. */
  readonly timeSec: number
  readonly error: MediaError
}

/** Frames of a video: uint8 `[frames, height, width, 3]` unless asked otherwise. */
export interface VideoArray<D extends ImageDType = 'uint8'> extends NdArray<D> {
  /** What `shape` is. */
  readonly layout: VideoLayout
  /** When each frame is shown, in seconds from the first frame of the video. NaN for padding. */
  readonly timestampsSec: Float64Array
  /** 1 for each frame that is a keyframe of the file, else 0. */
  readonly isKeyframe: Uint8Array
  /**
   * Frames a second: what was asked for, else the mean that the file tells; `undefined` where it
   * tells none.
   */
  readonly frameRate: number | undefined
  /** What could not be decoded; empty unless `strict: false`. */
  readonly failures: readonly VideoFailure[]
}

/** Damage, as plain data. */
export interface VideoFault extends Fault {
  readonly timeSec: number
}

/** Frames as a thread hands them to another. */
export interface VideoResult {
  readonly data: DataOf[ImageDType]
  readonly dtype: ImageDType
  readonly shape: readonly number[]
  readonly isPlanar: boolean
  readonly timestampsSec: Float64Array
  readonly isKeyframe: Uint8Array
  readonly frameRate: number | undefined
  readonly faults: readonly VideoFault[]
}

/** What the caller gets. */
export function videoArray(loaded: VideoResult, source: string): VideoArray<ImageDType> {
  const { faults, isPlanar, shape, ...rest } = loaded
  return {
    ...rest,
    shape: [...shape],
    layout: isPlanar ? 'NCHW' : 'NHWC',
    failures: faults.map(({ timeSec, ...fault }) => ({ timeSec, error: errorOf(fault, source) })),
  }
}

/** What went wrong at a time. */
export function videoFault(error: unknown, timeSec: number): VideoFault {
  return { ...faultOf(error), timeSec }
}
