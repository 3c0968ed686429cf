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

/** What the headers of an image file say. */
export interface ImageInfo {
  readonly kind: 'image'
  readonly format: ImageFormat
  /** Width in pixels as it is shown, which is what `loadImage` gives: `orientation` is applied. */
  readonly width: number
  /** Height in pixels as it is shown. */
  readonly height: number
  /** How it is turned to be shown, numbered as in EXIF; 1: not at all. */
  readonly orientation: Orientation
  /**
   * Channels in the file, alpha and the fourth ink included; those of its colours where it has a
   * palette.
   */
  readonly channels: number
  /** Bits of a sample; 8 where the file has a palette. */
  readonly bitDepth: number
  /** Pictures in the file: more than 1 in animations and TIFF files of several pages. */
  readonly frames: number
}

/** What an image file says of itself. @throws MediaError `ERR_DECODE` */
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

/** What the headers of an image file say of it, as it is stored. */
interface ImageFacts extends Size {
  readonly channels: number
  readonly bitDepth: number
  readonly frames: number
}

/** @throws Error or RangeError where the headers are missing or cut off */
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
