import type { Rng } from 'spindle'
import {
  anything,
  boolean,
  type Checked,
  choice,
  integer,
  is,
  type Rule,
  type Rules,
  type RulesOf,
  signal,
} from 'spindle/options'
import type { NdArray } from '../base/array.ts'
import { badOption } from '../base/errors.ts'
import type { FitMode } from '../base/geometry.ts'
import { mediaOptions, streamRule } from '../base/options.ts'
import type { ScaleAlgorithm } from '../ffmpeg/scalers.ts'
import { type Limits, limitRules, type VideoLimits } from '../ffmpeg/video-limits.ts'
import { checkHeaders, type UrlOptions, urlRules } from '../files/url-options.ts'
import { type TimeWindow, windowRule } from '../formats/wav/sample-window.ts'
import {
  type ImageTarget,
  imageTarget,
  type Normalization,
  pictureRules,
} from '../image/image-options.ts'
import type { PixelFormat } from '../image/pixel-format.ts'

/**
 * Order of the axes: `'NHWC'` is `[frames, height, width, channels]`, `'NCHW'` is `[frames,
 * channels, height, width]`.
 */
export type VideoLayout = 'NHWC' | 'NCHW'

/** The options that all video functions share: what is read, and how each frame is processed. */
export interface VideoOptions extends UrlOptions, VideoLimits {
  /**
   * Only the frames whose time is in `[startSec, endSec)`, in seconds. Windows that touch share no
   * frame and miss none. Time counts from the first shown frame, whatever its time stamp. Default:
   * all.
   */
  readonly window?: TimeWindow
  /**
   * Width of the result in pixels, an integer from 1 to 32768. Default: that of the first frame; if
   * only `height` is given, the width that keeps the aspect ratio.
   */
  readonly width?: number
  /** Height of the result in pixels, an integer from 1 to 32768. Default: as for `width`. */
  readonly height?: number
  /** How frames fit a size of another aspect ratio, as for `loadImage`. Default `'pad'`. */
  readonly mode?: FitMode
  /** How pictures are scaled. Default `'bilinear'`. */
  readonly algorithm?: ScaleAlgorithm
  /**
   * Order of the axes. Default `'NHWC'`. `'NCHW'` is what most models expect, and is cheaper. No
   * effect for YUV.
   */
  readonly layout?: VideoLayout
  /** Order and kind of the samples of a pixel. Default `'rgb24'`. */
  readonly pixelFormat?: PixelFormat
  /** Converts to float32, shifted and scaled during the copy, as for `loadImage`. Default: none. */
  readonly normalize?: Normalization
  /**
   * Index of the video stream, from 0 in the order of the file. Default: FFmpeg's choice of the
   * best.
   */
  readonly stream?: number
  /**
   * `true` (default): damage in the loaded part is an error. `false`: the result has what FFmpeg
   * can decode, with its guess in place of the damage, and `failures` lists the faults.
   */
  readonly strict?: boolean
  /**
   * Threads of the decoder, an integer from 1 to 64. Default 1: many videos in parallel use the
   * cores better than many threads on one (698 frames per second against 389, for 1280x720 on two
   * cores).
   */
  readonly threads?: number
  /** Aborts the call: it rejects with the signal's reason. Checked before each frame. */
  readonly signal?: AbortSignal
}

/** The content of missing frames: the last frame again, or one colour. */
export type VideoPadding = 'last' | 'black' | 'white'

/** Options of `loadVideo` and `loadVideoSync`. */
export interface LoadVideoOptions extends VideoOptions {
  /**
   * Frames per second, more than 0 and at most 1000: frames are dropped and repeated as by FFmpeg's
   * `fps` filter. Frame k of the result has the time `k / frameRate`. It shows the last frame whose
   * own time, in units of that, rounds to k or less (halves round up). Default: as stored.
   */
  readonly frameRate?: number
  /**
   * Number of frames, an integer from 1 to 1000000: longer videos are cut, shorter ones are padded,
   * so that clips make a batch. Default: as many as there are.
   */
  readonly numFrames?: number
  /** Padding up to `numFrames`. Default `'last'`. */
  readonly padding?: VideoPadding
  /** An array to fill instead of a new one. Requires `numFrames`, `width` and `height`. */
  readonly into?: NdArray
  /**
   * Whether a new array is in shared memory. Default `false`: an ordinary `ArrayBuffer`, which
   * onnxruntime and WebGPU require.
   */
  readonly shared?: boolean
}

/** A checked request to a video function, as plain data that can be posted to other threads. */
export interface VideoTarget {
  readonly image: ImageTarget
  readonly window: TimeWindow | undefined
  readonly stream: number | undefined
  readonly isStrict: boolean
  readonly threads: number
  readonly limits: Limits
}

/** A checked request to `loadVideo`. */
export interface LoadTarget extends VideoTarget {
  readonly frameRate: number | undefined
  readonly numFrames: number | undefined
  readonly padding: VideoPadding
  readonly isShared: boolean
}

type Filled =
  | 'algorithm'
  | 'pixelFormat'
  | 'strict'
  | 'threads'
  | keyof VideoLimits
  | 'maxBytes'
  | 'timeoutMs'
  | 'totalTimeoutMs'
  | 'retries'

/** The rules of {@link VideoOptions}. */
export const videoRules: RulesOf<VideoOptions, Filled> = {
  window: windowRule,
  ...pictureRules,
  layout: choice(['NHWC', 'NCHW']),
  stream: streamRule,
  strict: boolean({ default: true }),
  threads: integer({ min: 1, max: 64, default: 1 }),
  signal: signal(),
  ...limitRules,
  ...urlRules,
}

/** The rule of `frameRate`. */
export const frameRateRule: Rule<number, 'maybe'> = is(
  'a number, more than 0 and at most 1000',
  (value) => typeof value === 'number' && value > 0 && value <= 1000,
  { unit: 'frames a second' },
)

const loadOptions = mediaOptions('LoadVideoOptions', {
  ...videoRules,
  frameRate: frameRateRule,
  numFrames: integer({ min: 1, max: 1_000_000 }),
  padding: choice(['last', 'black', 'white'], { default: 'last' }),
  into: anything(),
  shared: boolean({ default: false }),
} satisfies Rules<LoadVideoOptions>)

/** What all functions have, of checked options. @throws MediaError `ERR_BAD_OPTION` */
export function videoTarget(checked: Checked<typeof videoRules, VideoOptions>): VideoTarget {
  const { window, layout, stream, strict, threads, width, height, mode, normalize } = checked
  const { algorithm, pixelFormat, maxPixels, maxFrames, maxResultBytes } = checked
  checkHeaders(checked.headers)
  const image = imageTarget({
    ...{ algorithm, pixelFormat },
    ...(width !== undefined && { width }),
    ...(height !== undefined && { height }),
    ...(mode !== undefined && { mode }),
    ...(normalize !== undefined && { normalize }),
    ...(layout !== undefined && { layout: layout === 'NCHW' ? 'CHW' : 'HWC' }),
  })
  const limits = { maxPixels, maxFrames, maxResultBytes }
  return { image, window, stream, isStrict: strict, threads, limits }
}

const videoOptions = mediaOptions('VideoOptions', videoRules)

/** The target of options that all functions have. @throws MediaError `ERR_BAD_OPTION` */
export function plainTarget(options: VideoOptions): VideoTarget {
  return videoTarget(videoOptions.check(options))
}

/**
 * Checks the options of `loadVideo`.
 *
 * @throws MediaError `ERR_BAD_OPTION`
 */
export function loadTarget(options: LoadVideoOptions): LoadTarget {
  const checked = loadOptions.check(options)
  const common = videoTarget(checked)
  const { frameRate, numFrames, padding, into, shared, width, height } = checked
  if (into !== undefined) {
    for (const [name, value] of Object.entries({ numFrames, width, height })) {
      if (value === undefined) throw badOption(name, 'given with `into`', value)
    }
    if (common.image.mode === 'shorter')
      throw badOption('mode', 'one that gives all frames one size, with `into`', 'shorter')
  }
  return { ...common, frameRate, numFrames, padding, isShared: shared }
}

/** @throws MediaError `ERR_BAD_OPTION` unless it is a random generator */
export function checkRng(rng: unknown): asserts rng is Rng {
  if (typeof (rng as Rng | undefined)?.next !== 'function')
    throw badOption('rng', 'given with `random`: the `rng` of an op’s context, or an Rng', rng)
}
