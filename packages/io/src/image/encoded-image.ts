import { MediaError } from '../base/errors.ts'
import type { Size } from '../base/geometry.ts'
import { isApng, lacksPalette } from './formats/apng.ts'
import { bmpHeader } from './formats/bmp.ts'
import { firstGifPicture, gifCanvas } from './formats/gif.ts'
import { heifFacts, heifTileSize } from './formats/heif.ts'
import { type JpegHeader, lacksJpegEnd, readJpegHeader } from './formats/jpeg.ts'
import { TIFF_HEIGHT, TIFF_WIDTH, tiffNumber } from './formats/tiff.ts'
import { isWebpAnimation, webpSize } from './formats/webp.ts'
import { type CheckedLimits, checkPixels } from './image-limits.ts'

/** Formats that are recognised, by their first bytes: a file's name says nothing. */
export type ImageFormat = 'jpeg' | 'png' | 'webp' | 'gif' | 'bmp' | 'tiff' | 'avif' | 'heic'

/** The format of an image, or `undefined` if it is none of those known. */
export function sniffFormat(bytes: Buffer): ImageFormat | undefined {
  const head = bytes.toString('latin1', 0, 12)
  if (head.startsWith('\xff\xd8\xff')) return 'jpeg'
  if (head.startsWith('\x89PNG\r\n\x1a\n')) return 'png'
  if (head.startsWith('RIFF') && head.endsWith('WEBP')) return 'webp'
  if (head.startsWith('GIF87a') || head.startsWith('GIF89a')) return 'gif'
  if (/^(?:II[*+]\0|MM\0[*+])/.test(head)) return 'tiff'
  if (head.slice(4, 8) === 'ftyp') return heifFormat(bytes)
  // "BM" alone is a weak sign: the size of the header behind it must be one that exists (12 to
  // 124).
  if (head.startsWith('BM') && bytes.length >= 26 && bytes.readUInt32LE(14) <= 124) return 'bmp'
  return undefined
}

/**
 * Brands of still pictures that are coded with HEVC, or that may be coded in any way (ISO/IEC
 * 23008-12, 10 and annex B).
 */
const HEIC_BRANDS = ['heic', 'heix', 'heim', 'heis', 'mif1', 'mif2']

/** A file of boxes is a picture by its brands; those of sequences alone are videos. */
function heifFormat(bytes: Buffer): ImageFormat | undefined {
  const end = Math.min(bytes.readUInt32BE(0), bytes.length, 256)
  let isHeic = false
  for (let at = 8; at + 4 <= end; at += 4) {
    const brand = bytes.toString('latin1', at, at + 4)
    if (brand === 'avif' || brand === 'avis') return 'avif'
    if (at !== 12 && HEIC_BRANDS.includes(brand)) isHeic = true // at 12 is a version
  }
  return isHeic ? 'heic' : undefined
}

/** Formats of pictures that are not read, and what their files begin with. */
const OTHERS: readonly (readonly [string, ...string[]])[] = [
  ['JPEG XL', '\xff\x0a', '\0\0\0\x0cJXL '],
  ['JPEG 2000', '\0\0\0\x0cjP  ', '\xff\x4f\xff\x51'],
  ['JPEG XR', 'II\xbc'],
  ['Photoshop', '8BPS'],
  ['OpenEXR', '\x76\x2f\x31\x01'],
  ['Radiance HDR', '#?RADIANCE', '#?RGBE'],
  ['QOI', 'qoif'],
  ['DirectDraw Surface', 'DDS '],
  ['Windows icon', '\0\0\x01\0', '\0\0\x02\0'],
  ['Netpbm', ...[1, 2, 3, 4, 5, 6, 7].flatMap((kind) => [`P${kind}\n`, `P${kind} `, `P${kind}\r`])],
]

/** The name of a format of pictures that is known and not read. */
function otherFormat(bytes: Buffer): string | undefined {
  const head = bytes.toString('latin1', 0, 12)
  if (head.slice(4) === 'ftypcrx ') return 'Canon CR3'
  return OTHERS.find(([, ...beginnings]) => beginnings.some((one) => head.startsWith(one)))?.[0]
}

/** What an unknown file begins with, for a message. */
export function printHead(bytes: Buffer): string {
  const text = bytes.toString('latin1', 0, 12)
  return /^[\x20-\x7e\r\n\t]+$/.test(text)
    ? JSON.stringify(text)
    : `bytes ${bytes.toString('hex', 0, 8)}`
}

/** A whole image file, and what it was recognised as. */
export interface EncodedImage {
  readonly bytes: Buffer
  readonly format: ImageFormat
  /** The header of a JPEG file. */
  readonly jpeg: JpegHeader | undefined
}

/** What a file is, by its bytes. @throws Error if it is empty or no image that is known */
export function recognise(bytes: Buffer): EncodedImage {
  if (bytes.length === 0) throw new Error('is empty')
  const format = sniffFormat(bytes)
  if (format !== undefined)
    return { bytes, format, jpeg: format === 'jpeg' ? readJpegHeader(bytes) : undefined }
  const other = otherFormat(bytes)
  if (other !== undefined) {
    const problem = `a ${other} image, which is not read; convert it, for example with ImageMagick or FFmpeg`
    throw new MediaError('ERR_UNSUPPORTED', problem)
  }
  throw new Error(
    `not a JPEG, PNG, WebP, GIF, AVIF, HEIC, TIFF or BMP image: it begins with ${printHead(bytes)}`,
  )
}

/**
 * What a file is, if it says that it is no larger than allowed. @throws MediaError `ERR_TOO_LARGE`
 */
export function recogniseWithin(
  bytes: Buffer,
  { maxPixels }: Pick<CheckedLimits, 'maxPixels'>,
): EncodedImage {
  const image = recognise(bytes)
  for (const size of storedSizes(image)) checkPixels(size, { maxPixels })
  return image
}

/**
 * Sizes that a file says it has: of the picture, and of the largest part that it is put together
 * from. Cheap: it is looked at before each file is decoded. `undefined` where the header says
 * nothing, which decoding says better.
 */
export function storedSizes(image: EncodedImage): readonly Size[] {
  try {
    return sizesOf(image)
  } catch {
    return []
  }
}

function sizesOf({ bytes, format, jpeg }: EncodedImage): readonly Size[] {
  switch (format) {
    case 'jpeg':
      return jpeg?.frame === undefined ? [] : [jpeg.frame]
    case 'png':
      // The header comes first, and nothing else may.
      return bytes.toString('latin1', 12, 16) !== 'IHDR'
        ? []
        : [{ width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) }]
    case 'gif':
      return [gifCanvas(bytes, firstGifPicture(bytes))]
    case 'webp':
      return [webpSize(bytes)]
    case 'avif':
    case 'heic':
      return [heifFacts(bytes), heifTileSize(bytes)]
    case 'tiff':
      return [
        { width: tiffNumber(bytes, TIFF_WIDTH) ?? 0, height: tiffNumber(bytes, TIFF_HEIGHT) ?? 0 },
      ]
    case 'bmp':
      return [bmpHeader(bytes)]
  }
}

/** What FFmpeg would decode without an error, but wrongly. */
export function refuseWhatGoesWrong({ bytes, format, jpeg }: EncodedImage): void {
  if (jpeg !== undefined && lacksJpegEnd(bytes, jpeg))
    throw new Error('the JPEG file is truncated: it has no end marker')
  if (jpeg?.frame !== undefined) refuseCoding(jpeg.frame.marker)
  if (format === 'png' && lacksPalette(bytes)) throw new Error('the PNG file lacks its palette')
}

/**
 * @throws MediaError `ERR_UNSUPPORTED` for what FFmpeg's decoder does not know, by the marker of
 * the frame (ITU-T T.81, table B.1)
 */
function refuseCoding(marker: number): void {
  const coding =
    marker >= 0xc9 ? 'arithmetic coding' : marker >= 0xc5 ? 'hierarchical coding' : undefined
  if (coding !== undefined)
    throw new MediaError(
      'ERR_UNSUPPORTED',
      `a JPEG file with ${coding}; the sharp backend may read it`,
    )
}

/** Whether a file is of a kind that can hold several pictures: any GIF, WebP and PNG animations. */
export function isAnimated({ bytes, format }: EncodedImage): boolean {
  if (format === 'gif') return true
  if (format === 'webp') return isWebpAnimation(bytes)
  return format === 'png' && isApng(bytes)
}
