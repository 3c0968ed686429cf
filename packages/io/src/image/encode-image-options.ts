import { extname } from 'node:path'
import { boolean, choice, integer, type Rules, signal } from 'spindle/options'
import type { DataOf, NdArray } from '../base/array.ts'
import { badOption, MediaError, printValue } from '../base/errors.ts'
import { backendRule, mediaOptions } from '../base/options.ts'
import { localPath } from '../files/atomic-file.ts'
import { type BackendName, MAX_SIDE } from './image-options.ts'
import type { ImageLayout } from './pixel-format.ts'

/** Formats that can be written. */
export type EncodedFormat = 'jpeg' | 'png' | 'webp'

/** Options of `encodeImage` and `encodeImageSync`. */
export interface EncodeImageOptions {
  /** Format of the file. */
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
  /**
   * Library that encodes. Default: `'ffmpeg'` where `node-av` is installed, otherwise `'sharp'`.
   */
  readonly backend?: BackendName
  /** Gives up: the call rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/** Options of `saveImage` and `saveImageSync`. */
export interface SaveImageOptions extends Omit<EncodeImageOptions, 'format'> {
  /** Default: what the name ends with: `.jpg`, `.jpeg`, `.png` or `.webp`. */
  readonly format?: EncodedFormat
}

const encodeOptions = mediaOptions('EncodeImageOptions', {
  format: choice(['jpeg', 'png', 'webp'], { required: true }),
  quality: integer({ min: 1, max: 100 }),
  lossless: boolean({ default: false }),
  compressionLevel: integer({ min: 0, max: 9, default: 6 }),
  chromaSubsampling: choice(['4:2:0', '4:4:4'], { default: '4:2:0' }),
  layout: choice(['HWC', 'CHW'], { default: 'HWC' }),
  pixelFormat: choice(['rgb24', 'bgr24'], { default: 'rgb24' }),
  backend: backendRule,
  signal: signal(),
} satisfies Rules<EncodeImageOptions>)

type Checked = ReturnType<typeof encodeOptions.check<EncodeImageOptions>>

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
  const checked = encodeOptions.check(options)
  for (const [name, formats] of Object.entries(ONLY_FOR)) {
    const value = options[name as keyof typeof ONLY_FOR]
    if (value !== undefined && !(formats as readonly string[]).includes(checked.format))
      throw badOption(name, `left out for '${checked.format}'`, value)
  }
  return { samples: samplesOf(array, checked), encoding: encodingOf(checked), path }
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

/** For which format each option is. */
const ONLY_FOR = {
  quality: ['jpeg', 'webp'],
  lossless: ['webp'],
  compressionLevel: ['png'],
  chromaSubsampling: ['jpeg'],
} as const

function encodingOf({ format, lossless, compressionLevel, ...given }: Checked): Encoding {
  return {
    format,
    quality: given.quality ?? (format === 'webp' ? 80 : 90),
    isLossless: lossless,
    compressionLevel,
    hasWholeChroma: given.chromaSubsampling === '4:4:4',
  }
}

/** What an array holds, by its shape and dtype. @throws MediaError `ERR_BAD_OPTION` */
function samplesOf(array: NdArray, { layout, pixelFormat, format }: Checked): Samples {
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
