import type { Size } from '../base/geometry.ts'
import type { EncodedImage } from './backend.ts'
import { pngChunks } from './formats/apng.ts'
import { bmpHeader } from './formats/bmp.ts'
import { firstGifPicture, gifCanvas, gifFacts } from './formats/gif.ts'
import { heifFacts, heifTileSize } from './formats/heif.ts'
import { tiffNumber, tiffPages } from './formats/tiff.ts'
import { webpFacts, webpSize } from './formats/webp.ts'

/** What the headers of an image file say of it, as it is stored. */
export interface ImageFacts extends Size {
  readonly channels: number
  readonly bitDepth: number
  readonly frames: number
}

/** @throws Error or RangeError where the headers are missing or cut off */
export function imageFacts({ bytes, format, jpeg }: EncodedImage): ImageFacts {
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
      return [{ width: tiffNumber(bytes, WIDTH) ?? 0, height: tiffNumber(bytes, HEIGHT) ?? 0 }]
    case 'bmp':
      return [bmpHeader(bytes)]
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

const [WIDTH, HEIGHT, BITS, PHOTOMETRIC, SAMPLES] = [256, 257, 258, 262, 277]

function tiffFacts(bytes: Buffer): ImageFacts {
  const isPalette = tiffNumber(bytes, PHOTOMETRIC) === 3
  return {
    width: tiffNumber(bytes, WIDTH) ?? 0,
    height: tiffNumber(bytes, HEIGHT) ?? 0,
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
