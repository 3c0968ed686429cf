import { badOption } from '../errors.ts'

/** How an image fills a frame of another shape. */
export type FitMode = 'pad' | 'crop' | 'stretch'

/** Order of the axes of one image: `'HWC'` is `[height, width, 3]`, `'CHW'` is `[3, height, width]`. */
export type ImageLayout = 'HWC' | 'CHW'

/** Which library decodes: FFmpeg through `node-av`, or `sharp`. */
export type BackendName = 'ffmpeg' | 'sharp'

/** Options of `loadImage`. */
export interface LoadImageOptions {
  /**
   * Width of the result in pixels, 1 to 32768. Default: that of the image; or, where only `height` is given, what keeps
   * the aspect ratio.
   */
  readonly width?: number
  /** Height of the result in pixels, 1 to 32768. Default: as for `width`. */
  readonly height?: number
  /**
   * What happens where `width`:`height` is not the shape of the image. Default `'pad'`.
   * - `'pad'`: the whole image, as large as fits, centred on black.
   * - `'crop'`: the image covers the frame, what stands out is cut off on both sides alike.
   * - `'stretch'`: the image is scaled to exactly that size.
   */
  readonly mode?: FitMode
  /** Default `'HWC'`. `'CHW'` is what most models want, and the cheaper one for the ffmpeg backend. */
  readonly layout?: ImageLayout
  /** Only `'rgb24'`: red, green, blue, 0..255. */
  readonly pixelFormat?: 'rgb24'
  /** Default: `'ffmpeg'` where `node-av` is installed, otherwise `'sharp'`. */
  readonly backend?: BackendName
  /** Gives up: the call rejects with the signal's reason. A decoder call that runs is waited for. */
  readonly signal?: AbortSignal
}

/** What a backend is asked for: {@link LoadImageOptions} with its defaults filled in. */
export interface ImageTarget {
  readonly width: number | undefined
  readonly height: number | undefined
  readonly mode: FitMode
  readonly layout: ImageLayout
}

/** Largest width or height that can be asked for. */
export const MAX_SIDE = 32768

const SINGLE = ['width', 'height', 'mode', 'layout', 'pixelFormat', 'backend', 'signal']

/** Checks options and fills in defaults. @throws MediaError `ERR_BAD_OPTION` */
export function imageTarget(options: LoadImageOptions, alsoKnown: readonly string[] = []): ImageTarget {
  checkKnown(options, [...SINGLE, ...alsoKnown])
  const { width, height, mode = 'pad', layout = 'HWC', pixelFormat = 'rgb24', backend, signal } = options
  if (width !== undefined) checkInteger('width', width, MAX_SIDE)
  if (height !== undefined) checkInteger('height', height, MAX_SIDE)
  checkOneOf('mode', mode, ['pad', 'crop', 'stretch'])
  checkOneOf('layout', layout, ['HWC', 'CHW'])
  checkOneOf('pixelFormat', pixelFormat, ['rgb24'])
  if (backend !== undefined) checkOneOf('backend', backend, ['ffmpeg', 'sharp'])
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw badOption('signal', 'an AbortSignal', signal)
  return { width, height, mode, layout }
}

/** @throws MediaError `ERR_BAD_OPTION` unless `value` is an integer from 1 to `max` */
export function checkInteger(name: string, value: unknown, max: number): void {
  if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > max) {
    throw badOption(name, `an integer from 1 to ${max}`, value)
  }
}

function checkOneOf(name: string, value: unknown, allowed: readonly string[]): void {
  if (allowed.includes(value as string)) return
  throw badOption(name, allowed.map((word) => `'${word}'`).join(' or '), value)
}

function checkKnown(options: object, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) throw badOption('options', 'an object', options)
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) throw badOption('options', `made of ${known.join(', ')}`, name)
  }
}
