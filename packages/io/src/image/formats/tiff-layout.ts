import { MediaError } from '../../base/errors.ts'
import { firstDirectory, type TiffDirectory, tiffBytes } from './tiff.ts'

/** The first directory of a TIFF file (TIFF 6.0), as far as it describes pixels. */
export interface TiffLayout {
  readonly width: number
  readonly height: number
  /** Bits of a sample; 0 if they differ. */
  readonly bits: number
  /** Samples of a pixel, including those beside its colour. */
  readonly samples: number
  /**
   * The type of the numbers: 1 unsigned, 2 signed, 3 floating point, 4 unknown, 5 and 6 complex; 0
   * if they differ.
   */
  readonly format: number
  readonly compression: number
  readonly photometric: number
  readonly predictor: number
  /** Whether each sample of a pixel has its own plane. */
  readonly isPlanar: boolean
  /** Whether the first pixel of a byte is in its lowest bits. */
  readonly isReversed: boolean
  /**
   * The samples beside the colour: 1 alpha with premultiplied colours, 2 alpha, 0 something else.
   */
  readonly extra: readonly number[]
  /** Columns and rows of a colour sample. */
  readonly subsampling: readonly [number, number]
  readonly colours: readonly number[]
  readonly isTiled: boolean
  /** Whether it is a slice of a volume. */
  readonly isVolume: boolean
  /** Size of a tile, or of a strip. */
  readonly piece: { readonly width: number; readonly height: number }
  readonly offsets: readonly number[]
  readonly lengths: readonly number[]
  readonly isLittle: boolean
  readonly isBig: boolean
}

const [UNSIGNED, UNKNOWN] = [1, 4]
const [MSB_FIRST, LSB_FIRST] = [1, 2]
/** Values of `compression`. */
export const TIFF = {
  plain: 1,
  huffman: 2,
  fax3: 3,
  fax4: 4,
  lzw: 5,
  oldJpeg: 6,
  jpeg: 7,
  deflate: 8,
  packBits: 32773,
  oldDeflate: 32946,
  lzma: 34925,
  zstd: 50000,
  webp: 50001,
} as const
// Values of `photometric`.
export const WHITE_IS_ZERO = 0
export const BLACK_IS_ZERO = 1
export const RGB = 2
export const PALETTE = 3
export const INKS = 5
export const YCBCR = 6

/** @throws Error if the file has no directory or no pixels */
export function tiffLayout(bytes: Buffer): TiffLayout {
  const tiff = tiffBytes(bytes)
  const directory = firstDirectory(bytes)
  if (tiff === undefined || directory === undefined)
    throw new Error('the TIFF file has no directory')
  const number = (tag: number, missing: number): number => directory.number(tag) ?? missing
  const [width, height] = [number(256, 0), number(257, 0)]
  if (!(width > 0 && height > 0)) throw new Error('the TIFF file says that it has no pixels')
  const samples = number(277, 1)
  const isTiled = directory.has(322) || directory.has(324)
  const rows = Math.min(height, number(278, height))
  const subsampling = directory.list(530, 2)
  return {
    ...{ width, height, samples, isTiled },
    ...{ isLittle: tiff.isLittle, isBig: tiff.isBig },
    bits: same(directory, 258, samples, 1),
    format: same(directory, 339, samples, UNSIGNED),
    compression: number(259, TIFF.plain),
    photometric: number(262, samples > 2 ? RGB : BLACK_IS_ZERO),
    predictor: number(317, 1),
    isPlanar: samples > 1 && number(284, 1) === 2,
    isReversed: number(266, MSB_FIRST) === LSB_FIRST,
    extra: directory.list(338, samples),
    subsampling: [subsampling[0] ?? 2, subsampling[1] ?? 2],
    colours: directory.list(320, 3 << 16),
    isVolume: number(32997, 1) > 1 || number(32998, 1) > 1,
    piece: isTiled ? { width: number(322, 0), height: number(323, 0) } : { width, height: rows },
    offsets: directory.list(isTiled && directory.has(324) ? 324 : 273),
    lengths: directory.list(isTiled && directory.has(325) ? 325 : 279),
  }
}

/** The common value of all samples of a pixel; 0 if they differ. */
function same(directory: TiffDirectory, tag: number, samples: number, missing: number): number {
  const values = directory.list(tag, samples)
  const [first = missing] = values
  return values.every((value) => value === first) ? first : 0
}

/**
 * Whether FFmpeg's decoder gives the right pixels. It does not support tiles, reversed bits, signed
 * numbers and old LZW, and misreads CMYK in planes, premultiplied alpha and 16-bit planes. It
 * decodes such files to noise without an error.
 */
export function isForFFmpeg(layout: TiffLayout, bytes: Buffer): boolean {
  const { bits, samples, compression, photometric, extra, isPlanar } = layout
  if (layout.isBig || layout.isTiled || layout.isVolume) return false
  if (!isUnsigned(layout) || layout.predictor > 2 || isOldLzw(layout, bytes)) return false
  const isFax = isFaxed(layout)
  if (layout.isReversed && !isFax) return false
  const isKnown =
    isFax || isOneOf(compression, 'plain', 'lzw', 'deflate', 'packBits', 'oldDeflate', 'lzma')
  if (!isKnown) return false
  const isAlpha = extra.length === 1 && extra[0] === 2
  switch (photometric) {
    case WHITE_IS_ZERO:
    case BLACK_IS_ZERO:
      if (samples === 1) return bits === 1 || bits === 8 || bits === 16
      return samples === 2 && bits === 8 && isAlpha && photometric === BLACK_IS_ZERO && !isPlanar
    case RGB:
      if (bits !== 8 && (bits !== 16 || isPlanar)) return false
      return samples === 3 || (samples === 4 && isAlpha)
    case PALETTE:
      return samples === 1 && bits === 8
    default:
      return false
  }
}

/** Samples of a colour, if it has several. */
const COLOURS: ReadonlyMap<number, number> = new Map([
  [RGB, 3],
  [INKS, 4],
  [YCBCR, 3],
])
const FORMATS = ['mixed', 'unsigned', 'signed', 'floating-point', 'unknown', 'complex', 'complex']

const [SHARP, TOOL] = [
  'the sharp backend reads it',
  'convert it, for example with tiffcp or ImageMagick',
]

/** @throws MediaError `ERR_UNSUPPORTED` if `unpackTiff` cannot read it */
export function refuseTiff(layout: TiffLayout): void {
  const { bits, samples, compression, photometric, subsampling } = layout
  if (isOneOf(compression, 'oldJpeg', 'jpeg')) refuse('with JPEG compression', SHARP)
  if (isOneOf(compression, 'webp')) refuse('with WebP compression', SHARP)
  if (isFaxed(layout)) refuse('with fax compression in tiles, or as BigTIFF', SHARP)
  if (!isOneOf(compression, 'plain', 'lzw', 'deflate', 'packBits', 'oldDeflate', 'zstd'))
    refuse(`of compression ${compression}`, TOOL)
  if (!isUnsigned(layout))
    refuse(
      `of ${FORMATS[layout.format] ?? 'mixed'} numbers, whose range is not told`,
      layout.format <= 3 ? `${SHARP} as 0 to 255 or 65535` : TOOL,
    )
  if (layout.isVolume) refuse('with a volume', TOOL)
  if (layout.predictor > 2) refuse(`with predictor ${layout.predictor}`, SHARP)
  if (samples > 6) refuse(`of ${samples} samples a pixel`, TOOL)
  const isGrey = photometric === WHITE_IS_ZERO || photometric === BLACK_IS_ZERO
  const sizes = isGrey || photometric === PALETTE ? [1, 2, 4, 6, 8, 10, 12, 14, 16] : [8, 16]
  if (!sizes.includes(bits))
    refuse(bits === 0 ? 'with samples of several sizes' : `with ${bits} bits a sample`, TOOL)
  const least = COLOURS.get(photometric)
  if (!isGrey && photometric !== PALETTE && least === undefined)
    refuse(`of colour space ${photometric}`, TOOL)
  if (samples < (least ?? 1))
    refuse(`of ${samples} samples a pixel, fewer than its colours have`, TOOL)
  if (photometric === PALETTE && (bits > 8 || samples > 1))
    refuse(`with a palette and ${samples} samples of ${bits} bits`, TOOL)
  if (photometric === YCBCR && (bits !== 8 || subsampling[0] !== 1 || subsampling[1] !== 1))
    refuse('whose colours are subsampled', SHARP)
}

/**
 * @throws MediaError `ERR_UNSUPPORTED` if sharp fails, or gives black tiles or wrong colours
 *   without an error
 */
export function refuseTiffForSharp(layout: TiffLayout): void {
  const { bits, samples, compression, photometric, isTiled, isPlanar } = layout
  const isJpeg = isOneOf(compression, 'oldJpeg', 'jpeg')
  const isKnown =
    compression <= TIFF.deflate || isOneOf(compression, 'packBits', 'oldDeflate', 'webp')
  if (!isKnown)
    refuse(`of compression ${compression}`, isOneOf(compression, 'zstd', 'lzma') ? FFMPEG : TOOL)
  if (isTiled && isPlanar) refuse('with a plane of tiles for each colour', FFMPEG)
  if (photometric === INKS && (bits !== 8 || samples !== 4))
    refuse(`with ${samples} inks of ${bits} bits`, FFMPEG)
  if (photometric === YCBCR && !isJpeg) refuse('of YCbCr colours', FFMPEG)
  if (photometric > YCBCR) refuse(`of colour space ${photometric}`, TOOL)
  if (bits > 4 && bits % 8 !== 0) refuse(`with ${bits} bits a sample`, FFMPEG)
}

const FFMPEG = 'the ffmpeg backend reads it'

function refuse(what: string, wayOut: string): never {
  throw new MediaError('ERR_UNSUPPORTED', `a TIFF file ${what}; ${wayOut}`)
}

/**
 * Old LZW codes begin at the lowest bit: the first one, 256, is bytes 0 and 1 (libtiff, tif_lzw.c).
 */
export function isOldLzw({ compression, offsets }: TiffLayout, bytes: Buffer): boolean {
  const at = offsets[0] ?? 0
  return compression === TIFF.lzw && bytes[at] === 0 && (bytes[at + 1]! & 1) === 1
}

function isFaxed({ compression }: TiffLayout): boolean {
  return compression >= TIFF.huffman && compression <= TIFF.fax4
}

function isUnsigned({ format }: TiffLayout): boolean {
  return format === UNSIGNED || format === UNKNOWN
}

export function isOneOf(compression: number, ...names: (keyof typeof TIFF)[]): boolean {
  return names.some((name) => TIFF[name] === compression)
}
