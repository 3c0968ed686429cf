import type { Rng } from 'spindle'
import {
  boolean,
  choice,
  group,
  integer,
  is,
  type Options,
  object,
  type Rule,
  type Rules,
  type RulesOf,
  signal,
} from 'spindle/options'
import { badOption } from '../base/errors.ts'
import type { FitMode } from '../base/geometry.ts'
import { backendRule, mediaOptions } from '../base/options.ts'
import type { ScaleAlgorithm } from '../ffmpeg/scalers.ts'
import { checkHeaders, type UrlOptions, urlRules } from '../files/url-options.ts'
import { type AugmentOptions, augmentRule, checkAugmentRng } from './augment.ts'
import { type CheckedLimits, type ImageLimits, limitRules } from './image-limits.ts'
import {
  channelsOf,
  dtypeOf,
  type ImageDType,
  type ImageLayout,
  PIXEL_FORMATS,
  type PixelFormat,
} from './pixel-format.ts'

/** Which library decodes: FFmpeg through `node-av`, or `sharp`. */
export type BackendName = 'ffmpeg' | 'sharp'

/**
 * Shifts and scales samples: `(value / max - mean) / std`, with `max` 255, or 65535 for `'gray16'`.
 */
export interface Normalization {
  /** One number for each channel, in the order of the result's, or one for all. Default 0. */
  readonly mean?: number | readonly number[]
  /** The same, not 0. Default 1. */
  readonly std?: number | readonly number[]
}

/** Options of `loadImage` and `loadImageSync`. */
export interface LoadImageOptions extends UrlOptions, ImageLimits {
  /**
   * Width of the result in pixels, 1 to 32768. Default: that of the image; or, where only `height`
   * is given, what keeps the aspect ratio.
   */
  readonly width?: number
  /** Height of the result in pixels, 1 to 32768. Default: as for `width`. */
  readonly height?: number
  /**
   * What happens where `width`:`height` is not the shape of the image. Default `'pad'`, or
   * `'stretch'` with `augment.crop`.
   * - `'pad'`: the whole image, as large as fits, centred on black.
   * - `'crop'`: the image covers the frame, what stands out is cut off on both sides alike.
   * - `'stretch'`: the image is scaled to exactly that size.
   * - `'shorter'`: the image covers the frame, and nothing is cut off: with `width: 256` alone its
   *   shorter side becomes 256.
   */
  readonly mode?: FitMode
  /** How pictures are scaled. Default `'bilinear'`. */
  readonly algorithm?: ScaleAlgorithm
  /**
   * Default `'HWC'`. `'CHW'` is what most models want, and the cheaper one. Has no meaning for YUV.
   */
  readonly layout?: ImageLayout
  /** Order and kind of the samples of a pixel. Default `'rgb24'`. */
  readonly pixelFormat?: PixelFormat
  /**
   * Gives float32, shifted and scaled while it is copied. Not for `'rgba'` and YUV. `{}` gives
   * 0..1. Default: none.
   */
  readonly normalize?: Normalization
  /**
   * `'first'`, the default, or `'all'` pictures of a GIF, WebP or PNG animation: the shape begins
   * with their number.
   */
  readonly frames?: 'first' | 'all'
  /** Random changes, drawn from `rng`. Default: none. */
  readonly augment?: AugmentOptions
  /**
   * Where `augment` draws from: `context.rng` in an op, so that the same item is changed alike in
   * every run.
   */
  readonly rng?: Rng
  /**
   * `true`, the default: a JPEG of more than a million pixels is decoded at a quarter of its size
   * where that is still 1.2 times what it is scaled to: up to a third cheaper, and 35 to 47 dB from
   * the same with `false`, which decodes the whole.
   */
  readonly shrinkOnDecode?: boolean
  /**
   * Library that decodes. Default: `'ffmpeg'` where `node-av` is installed, otherwise `'sharp'`.
   */
  readonly backend?: BackendName
  /**
   * Gives up: the call rejects with the signal's reason. A decoder call that runs is waited for.
   */
  readonly signal?: AbortSignal
}

/**
 * The dtype that options of type `O` lead to: float32 with `normalize`, uint16 for `'gray16'`, else
 * uint8.
 */
export type DTypeOf<O> = WithNormalize<Given<O, 'normalize'>, SampleOf<Given<O, 'pixelFormat'>>>

type Given<O, K> = K extends keyof O ? O[K] : undefined
type SampleOf<P> = [P] extends ['gray16']
  ? 'uint16'
  : 'gray16' extends P
    ? 'uint8' | 'uint16'
    : 'uint8'
type WithNormalize<N, D> = [N] extends [undefined]
  ? D
  : undefined extends N
    ? D | 'float32'
    : 'float32'

/**
 * Options whose type was inferred may have no others than those known: a misspelt one does not
 * compile.
 */
export type Exactly<O, Known> = O & { readonly [K in Exclude<keyof O, keyof Known>]: never }

/**
 * What a backend is asked for: {@link LoadImageOptions} with defaults filled in, as plain data that
 * crosses to other threads.
 */
export interface ImageTarget extends CheckedLimits {
  readonly width: number | undefined
  readonly height: number | undefined
  readonly mode: FitMode
  readonly algorithm: ScaleAlgorithm
  readonly layout: ImageLayout
  readonly pixelFormat: PixelFormat
  readonly dtype: ImageDType
  /** For each channel what a sample is multiplied by, and what is added then. */
  readonly affine: readonly { readonly scale: number; readonly shift: number }[] | undefined
  readonly isAnimated: boolean
  readonly mayShrink: boolean
}

/** Largest width or height that can be asked for. */
export const MAX_SIDE = 32768

const side: Rule<number, 'maybe'> = integer({ min: 1, max: MAX_SIDE, unit: 'pixels' })

const normalizeOptions = mediaOptions('Normalization', {
  mean: is('a number, or one for each channel', isNumbers, { default: 0 }),
  std: is('a number, or one for each channel, not 0', isNumbers, { default: 1 }),
} satisfies Rules<Normalization>)

function isNumbers(value: unknown): boolean {
  return typeof value === 'number' || Array.isArray(value)
}

/** The rules of frames as well as of images. */
export const pictureRules: RulesOf<
  Pick<LoadImageOptions, 'width' | 'height' | 'mode' | 'algorithm' | 'pixelFormat' | 'normalize'>,
  'algorithm' | 'pixelFormat'
> = {
  width: side,
  height: side,
  mode: choice(['pad', 'crop', 'stretch', 'shorter']),
  algorithm: choice(['bilinear', 'bicubic', 'area', 'lanczos', 'nearest'], { default: 'bilinear' }),
  pixelFormat: choice(PIXEL_FORMATS, { default: 'rgb24' }),
  normalize: group(normalizeOptions),
}

/** The rules of {@link LoadImageOptions}. */
export const imageRules: RulesOf<
  LoadImageOptions,
  | 'algorithm'
  | 'pixelFormat'
  | 'layout'
  | 'frames'
  | 'shrinkOnDecode'
  | keyof ImageLimits
  | 'maxBytes'
  | 'timeoutMs'
  | 'totalTimeoutMs'
  | 'retries'
> = {
  ...pictureRules,
  layout: choice(['HWC', 'CHW'], { default: 'HWC' }),
  frames: choice(['first', 'all'], { default: 'first' }),
  augment: augmentRule,
  rng: object(),
  shrinkOnDecode: boolean({ default: true }),
  backend: backendRule,
  signal: signal(),
  ...limitRules,
  ...urlRules,
}

const imageOptions = mediaOptions('LoadImageOptions', imageRules)

/** Checks options and fills in defaults. @throws MediaError `ERR_BAD_OPTION` */
export function imageTarget(
  options: LoadImageOptions,
  declared: Options<typeof imageRules> = imageOptions,
): ImageTarget {
  const checked = declared.check(options)
  const { width, height, algorithm, layout, pixelFormat, normalize, augment } = checked
  if (augment !== undefined) checkAugmentRng(checked.rng)
  const mode = checked.mode ?? (augment?.crop ? 'stretch' : 'pad')
  checkHeaders(checked.headers)
  if (mode === 'shorter' && width === undefined && height === undefined)
    throw badOption('width', "given with `mode: 'shorter'`, or `height`", width)
  if (channelsOf(pixelFormat) === undefined) checkYuv(options, pixelFormat)
  const affine = normalize === undefined ? undefined : affineOf(normalize, pixelFormat)
  const { maxPixels, maxFrames, maxResultBytes } = checked
  return {
    ...{ width, height, mode, algorithm, layout, pixelFormat, affine },
    dtype: affine === undefined ? dtypeOf(pixelFormat) : 'float32',
    isAnimated: checked.frames === 'all',
    mayShrink: checked.shrinkOnDecode,
    ...{ maxPixels, maxFrames, maxResultBytes },
  }
}

/** A chroma sample stands for two columns and two rows. */
function checkYuv(
  { width = 2, height = 2, layout, augment }: LoadImageOptions,
  format: PixelFormat,
): void {
  if (width % 2 !== 0) throw badOption('width', `even for '${format}'`, width)
  if (height % 2 !== 0) throw badOption('height', `even for '${format}'`, height)
  if (layout === 'CHW') throw badOption('layout', `left out for '${format}'`, layout)
  if ((augment?.rotate ?? 0) > 0)
    throw badOption('augment.rotate', `0 for '${format}'`, augment?.rotate)
}

function affineOf(normalize: Normalization, format: PixelFormat): ImageTarget['affine'] {
  const channels = channelsOf(format)
  if (channels === undefined || channels === 4)
    throw badOption('normalize', `left out for '${format}'`, normalize)
  const mean = listOf('normalize.mean', normalize.mean ?? 0, channels)
  const std = listOf('normalize.std', normalize.std ?? 1, channels)
  if (std.includes(0)) throw badOption('normalize.std', 'without a 0', normalize.std)
  const max = dtypeOf(format) === 'uint16' ? 65535 : 255
  return mean.map((value, i) => ({ scale: 1 / (max * std[i]!), shift: -value / std[i]! }))
}

function listOf(
  name: string,
  given: number | readonly number[],
  channels: number,
): readonly number[] {
  const list = typeof given === 'number' ? new Array<number>(channels).fill(given) : given
  const isSound =
    Array.isArray(list) && list.length === channels && list.every((one) => Number.isFinite(one))
  if (!isSound) throw badOption(name, `a number, or ${channels} of them`, given)
  return list
}
