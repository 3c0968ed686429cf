import type { DataOf, NdArray } from '../base/array.ts'
import { errorOf, type Fault, faultOf, type MediaError } from '../base/errors.ts'
import type { ImageDType } from '../image/pixel-format.ts'
import type { VideoLayout } from './video-options.ts'

/** Damage that was skipped. */
export interface VideoFailure {
  /** Time of the damage, in seconds from the first frame; approximate if the damage hides it. */
  readonly timeSec: number
  /** The error, as it would be thrown with `strict: true`. */
  readonly error: MediaError
}

/** Frames of a video: by default uint8 `[frames, height, width, 3]`. */
export interface VideoArray<D extends ImageDType = 'uint8'> extends NdArray<D> {
  /** Order of the axes. */
  readonly layout: VideoLayout
  /** Time of each frame, in seconds from the first frame of the video. NaN for padding. */
  readonly timestampsSec: Float64Array
  /** 1 for each frame that is a keyframe of the file, otherwise 0. */
  readonly isKeyframe: Uint8Array
  /** Frames per second: the requested rate, or the file's mean; `undefined` if it declares none. */
  readonly frameRate: number | undefined
  /** Parts that could not be decoded; empty unless `strict: false`. */
  readonly failures: readonly VideoFailure[]
}

/** Damage, as plain data. */
export interface VideoFault extends Fault {
  readonly timeSec: number
}

/** Frames as they are posted between threads. */
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

/** Builds the result of the caller. */
export function videoArray(loaded: VideoResult, source: string): VideoArray<ImageDType> {
  const { faults, isPlanar, shape, ...rest } = loaded
  return {
    ...rest,
    shape: [...shape],
    layout: isPlanar ? 'NCHW' : 'NHWC',
    failures: faults.map(({ timeSec, ...fault }) => ({ timeSec, error: errorOf(fault, source) })),
  }
}

/** Builds the fault of an error at a time. */
export function videoFault(error: unknown, timeSec: number): VideoFault {
  return { ...faultOf(error), timeSec }
}
