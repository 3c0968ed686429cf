import { extname } from 'node:path'
import type { DataOf, NdArray } from '../base/array.ts'
import { badOption, MediaError, printValue } from '../base/errors.ts'
import { localPath } from '../files/atomic-file.ts'
import { type BackendName, checkKnown, checkOneOf, MAX_SIDE } from './image-options.ts'
import type { ImageLayout } from './pixel-format.ts'

/** Formats that can be written. */
export type EncodedFormat = 'jpeg' | 'png' | 'webp'

/** Options of `encodeImage` and `encodeImageSync`. */
export interface EncodeImageOptions {
  readonly format: EncodedFormat
  /**
   * 1 to 100, for JPEG and WebP that loses something. Default 90 (JPEG), 80 (WebP). FFmpeg's JPEG
   * encoder has 31 steps: what it is given is met within a step, and its best is about 94.
   */
  readonly quality?: number
  /**
   * For WebP: whether nothing is lost. Default `false`. FFmpeg does not keep the colours of pixels
   * that are wholly transparent.
   */
  readonly lossless?: boolean
  /** For PNG: 0, large and fast, to 9, small and slow. Default 6. */
  readonly compressionLevel?: number
  /** For JPEG: `'4:2:0'`, the default, keeps a quarter of the colour, `'4:4:4'` all. */
  readonly chromaSubsampling?: '4:2:0' | '4:4:4'
  /** Order of the array's axes. Default `'HWC'`. */
  readonly layout?: ImageLayout
  /** Order of the array's colours, of three channels. Default `'rgb24'`. */
  readonly pixelFormat?: 'rgb24' | 'bgr24'
  /** Default: `'ffmpeg'` where `node-av` is installed, otherwise `'sharp'`. */
  readonly backend?: BackendName
  /** Gives up: the call rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/** Options of `saveImage` and `saveImageSync`. */
export interface SaveImageOptions extends Omit<EncodeImageOptions, 'format'> {
  /** Default: what the name ends with: `.jpg`, `.jpeg`, `.png` or `.webp`. */
  readonly format?: EncodedFormat
}

/** An image to encode, checked: its samples and what they are. */
export interface Samples {
  readonly data: DataOf['uint8'] | DataOf['uint16']
  readonly width: number
  readonly height: number
  readonly channels: 1 | 3 | 4
  readonly isPlanar: boolean
  readonly isBgr: boolean
}

/** How it is to be encoded, with defaults filled in. */
export interface Encoding {
  readonly format: EncodedFormat
  readonly quality: number
  readonly isLossless: boolean
  readonly compressionLevel: number
  readonly hasWholeChroma: boolean
}

/** An image to encode; with `path` it is written there. */
export interface EncodeImageJob {
  readonly samples: Samples
  readonly encoding: Encoding
  readonly path: string | undefined
}

/** Checks what `encodeImage` is given. @throws MediaError `ERR_BAD_OPTION` */
export function encodeImageJob(
  array: NdArray,
  options: EncodeImageOptions,
  path?: string,
): EncodeImageJob {
  const encoding = encodingOf(options)
  return { samples: samplesOf(array, options), encoding, path }
}

/**
 * Checks what `saveImage` is given: the format follows from the name unless it is given. @throws
 * MediaError `ERR_BAD_OPTION`
 */
export function saveImageJob(
  path: string | URL,
  array: NdArray,
  options: SaveImageOptions,
): EncodeImageJob {
  if (typeof options !== 'object' || options === null)
    throw badOption('options', 'an object', options)
  const local = localPath(path)
  const format = options.format ?? EXTENSIONS[extname(local).toLowerCase()]
  if (format === undefined)
    throw badOption('path', 'named .jpg, .jpeg, .png or .webp, unless `format` is given', local)
  return encodeImageJob(array, { ...options, format }, local)
}

const KNOWN = [
  ...['format', 'quality', 'lossless', 'compressionLevel', 'chromaSubsampling'],
  ...['layout', 'pixelFormat', 'backend', 'signal'],
]
/** For which format each option is. */
const ONLY_FOR = {
  quality: ['jpeg', 'webp'],
  lossless: ['webp'],
  compressionLevel: ['png'],
  chromaSubsampling: ['jpeg'],
} as const

/** Checks options and fills in defaults. @throws MediaError `ERR_BAD_OPTION` */
function encodingOf(options: EncodeImageOptions): Encoding {
  checkKnown(options, KNOWN)
  const {
    format,
    lossless = false,
    compressionLevel = 6,
    chromaSubsampling = '4:2:0',
    backend,
    signal,
  } = options
  const { quality = format === 'webp' ? 80 : 90 } = options
  checkOneOf('format', format, ['jpeg', 'png', 'webp'])
  for (const [name, formats] of Object.entries(ONLY_FOR)) {
    const value = options[name as keyof typeof ONLY_FOR]
    if (value !== undefined && !(formats as readonly string[]).includes(format))
      throw badOption(name, `left out for '${format}'`, value)
  }
  checkWithin('quality', quality, 1, 100)
  checkWithin('compressionLevel', compressionLevel, 0, 9)
  if (typeof lossless !== 'boolean') throw badOption('lossless', 'true or false', lossless)
  checkOneOf('chromaSubsampling', chromaSubsampling, ['4:2:0', '4:4:4'])
  if (backend !== undefined) checkOneOf('backend', backend, ['ffmpeg', 'sharp'])
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw badOption('signal', 'an AbortSignal', signal)
  return {
    format,
    quality,
    isLossless: lossless,
    compressionLevel,
    hasWholeChroma: chromaSubsampling === '4:4:4',
  }
}

/** What an array holds, by its shape and dtype. @throws MediaError `ERR_BAD_OPTION` */
function samplesOf(array: NdArray, options: EncodeImageOptions): Samples {
  const { layout = 'HWC', pixelFormat = 'rgb24', format } = options
  checkOneOf('layout', layout, ['HWC', 'CHW'])
  checkOneOf('pixelFormat', pixelFormat, ['rgb24', 'bgr24'])
  const rule =
    layout === 'HWC'
      ? 'uint8 [H, W], [H, W, 1], [H, W, 3] or [H, W, 4], or uint16 [H, W] or [H, W, 1]'
      : 'uint8 [H, W], [1, H, W], [3, H, W] or [4, H, W], or uint16 [H, W] or [1, H, W]'
  const refuse = (): MediaError => {
    const got = array?.shape === undefined ? printValue(array) : `${array.dtype} [${array.shape}]`
    return new MediaError('ERR_BAD_OPTION', `\`array\` must be ${rule}, got ${got}`)
  }
  if (!Array.isArray(array?.shape)) throw refuse()
  const { data, dtype, shape } = array
  const [height, width, channels] =
    shape.length === 2
      ? [shape[0], shape[1], 1]
      : layout === 'HWC'
        ? shape
        : [shape[1], shape[2], shape[0]]
  const isSize = (side: number | undefined): side is number =>
    Number.isInteger(side) && side! >= 1 && side! <= MAX_SIDE
  const isKnown = channels === 1 || channels === 3 || channels === 4
  if (shape.length < 2 || shape.length > 3 || !isSize(width) || !isSize(height) || !isKnown)
    throw refuse()
  const isWide = dtype === 'uint16' && data instanceof Uint16Array
  if (!isWide && !(dtype === 'uint8' && data instanceof Uint8Array)) throw refuse()
  if (isWide && (channels !== 1 || format !== 'png'))
    throw new MediaError('ERR_BAD_OPTION', '`array` of uint16 must be grey, and saved as PNG')
  if (data.length !== width * height * channels)
    throw badOption(
      'array.data',
      `of ${width * height * channels} elements, as its shape says`,
      data.length,
    )
  if (channels !== 3 && pixelFormat === 'bgr24')
    throw badOption('pixelFormat', 'left out for other than 3 channels', pixelFormat)
  return {
    data,
    width,
    height,
    channels,
    isPlanar: layout === 'CHW',
    isBgr: pixelFormat === 'bgr24',
  }
}

const EXTENSIONS: Readonly<Record<string, EncodedFormat>> = {
  '.jpg': 'jpeg',
  '.jpeg': 'jpeg',
  '.png': 'png',
  '.webp': 'webp',
}

function checkWithin(name: string, value: unknown, least: number, most: number): void {
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return
  throw badOption(name, `an integer from ${least} to ${most}`, value)
}
