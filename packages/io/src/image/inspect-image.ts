import { nameSource } from '../base/errors.ts'
import type { Size } from '../base/geometry.ts'
import { describeSource, type MediaSource } from '../files/source.ts'
import type { EncodedImage, ImageFormat } from './encoded-image.ts'
import { recognise } from './encoded-image.ts'
import { pngChunks } from './formats/apng.ts'
import { bmpHeader } from './formats/bmp.ts'
import { gifFacts } from './formats/gif.ts'
import { heifFacts } from './formats/heif.ts'
import { TIFF_HEIGHT, TIFF_WIDTH, tiffNumber, tiffPages } from './formats/tiff.ts'
import { webpFacts } from './formats/webp.ts'
import { isQuarterTurn, type Orientation, readOrientation } from './orientation.ts'

/** The headers of an image file. */
export interface ImageInfo {
  /** Distinguishes the results of `probe`. */
  readonly kind: 'image'
  /** Format of the file. */
  readonly format: ImageFormat
  /** Width in pixels as shown, with `orientation` applied, as in the result of `loadImage`. */
  readonly width: number
  /** Height in pixels as shown. */
  readonly height: number
  /** Rotation for display, numbered as in EXIF; 1 means none. */
  readonly orientation: Orientation
  /**
   * Channels in the file, including alpha and the fourth ink; with a palette, the channels of its
   * colours.
   */
  readonly channels: number
  /** Bits of a sample; 8 if the file has a palette. */
  readonly bitDepth: number
  /** Number of pictures in the file: more than 1 in animations and TIFF files of several pages. */
  readonly frames: number
}

/**
 * Reads the headers of an image file.
 *
 * @throws MediaError `ERR_DECODE`
 */
export function inspectImage(bytes: Buffer, source: MediaSource): ImageInfo {
  try {
    const image = recognise(bytes)
    const { format } = image
    const orientation = readOrientation(image)
    const { width, height, ...rest } = imageFacts(image)
    if (!(width > 0 && height > 0)) throw new Error('it says that it has no pixels')
    const isTurned = isQuarterTurn(orientation)
    const shown = { width: isTurned ? height : width, height: isTurned ? width : height }
    return { kind: 'image', format, ...shown, orientation, ...rest }
  } catch (error) {
    const problem =
      error instanceof RangeError ? new Error('the headers are cut off', { cause: error }) : error
    throw nameSource(problem, describeSource(source))
  }
}

/** The headers of an image file, as stored. */
interface ImageFacts extends Size {
  readonly channels: number
  readonly bitDepth: number
  readonly frames: number
}

/** @throws Error or RangeError if the headers are missing or truncated */
function imageFacts({ bytes, format, jpeg }: EncodedImage): ImageFacts {
  switch (format) {
    case 'jpeg': {
      const header = jpeg?.frame
      if (header === undefined) throw new Error('the JPEG file has no frame header')
      const { width, height, channels, bitDepth } = header
      return { width, height, channels, bitDepth, frames: 1 }
    }
    case 'png':
      return pngFacts(bytes)
    case 'gif': {
      const { hasAlpha, ...rest } = gifFacts(bytes)
      return { ...rest, channels: hasAlpha ? 4 : 3, bitDepth: 8 }
    }
    case 'webp': {
      const { hasAlpha, ...rest } = webpFacts(bytes)
      return { ...rest, channels: hasAlpha ? 4 : 3, bitDepth: 8 }
    }
    case 'avif':
    case 'heic':
      return { ...heifFacts(bytes), frames: 1 }
    case 'tiff':
      return tiffFacts(bytes)
    case 'bmp':
      return bmpFacts(bytes)
  }
}

/**
 * By colour type (PNG third edition, 11.2.1): grey, RGB, palette, grey with alpha, RGB with alpha.
 */
const PNG_CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 3, 4: 2, 6: 4 }
const PALETTE = 3

function pngFacts(bytes: Buffer): ImageFacts {
  let facts: ImageFacts | undefined
  for (const { type, bytes: chunk } of pngChunks(bytes)) {
    if (type === 'IHDR') {
      const [depth, colour] = [chunk[16]!, chunk[17]!]
      const size = { width: chunk.readUInt32BE(8), height: chunk.readUInt32BE(12) }
      const channels = PNG_CHANNELS[colour] ?? 0
      facts = { ...size, channels, bitDepth: colour === PALETTE ? 8 : depth, frames: 1 }
    } else if (facts === undefined || type === 'IDAT') break
    else if (type === 'acTL') facts = { ...facts, frames: chunk.readUInt32BE(8) }
    else if (type === 'tRNS') facts = { ...facts, channels: facts.channels + 1 }
  }
  if (facts === undefined) throw new Error('the PNG file has no header')
  return facts
}

const [BITS, PHOTOMETRIC, SAMPLES] = [258, 262, 277]

function tiffFacts(bytes: Buffer): ImageFacts {
  const isPalette = tiffNumber(bytes, PHOTOMETRIC) === 3
  return {
    width: tiffNumber(bytes, TIFF_WIDTH) ?? 0,
    height: tiffNumber(bytes, TIFF_HEIGHT) ?? 0,
    channels: isPalette ? 3 : (tiffNumber(bytes, SAMPLES) ?? 1),
    bitDepth: isPalette ? 8 : (tiffNumber(bytes, BITS) ?? 1),
    frames: tiffPages(bytes),
  }
}

function bmpFacts(bytes: Buffer): ImageFacts {
  const { width, height, bits, masks } = bmpHeader(bytes)
  const hasAlpha = bits === 32 || (masks[3] ?? 0) !== 0
  return { width, height, channels: hasAlpha ? 4 : 3, bitDepth: bits === 16 ? 5 : 8, frames: 1 }
}
