import type { ImageFormat } from './format.ts'
import { jpegSegments } from './jpeg.ts'
import { tiffShort } from './tiff.ts'
import { webpExif } from './webp.ts'

/**
 * How a picture must be turned to be shown, numbered as in EXIF: 1 is as stored, 3 turned by half, 6 a quarter clockwise,
 * 8 a quarter anticlockwise; 2, 4, 5 and 7 are mirrored.
 */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8

/** Whether width and height change places. */
export function isQuarterTurn(orientation: Orientation): boolean {
  return orientation >= 5
}

/** The orientation that an image file asks for; 1 where it says nothing or nonsense. */
export function readOrientation(bytes: Buffer, format: ImageFormat): Orientation {
  switch (format) {
    case 'jpeg':
      return exifOrientation(jpegExif(bytes))
    case 'png':
      return exifOrientation(pngExif(bytes))
    case 'webp':
      return exifOrientation(webpExif(bytes))
    case 'tiff':
      return exifOrientation(bytes)
    case 'avif':
      return avifOrientation(bytes)
    default:
      return 1
  }
}

const ORIENTATION_TAG = 0x0112

function exifOrientation(tiff: Buffer | undefined): Orientation {
  const value = tiff && tiffShort(tiff, ORIENTATION_TAG)
  return value !== undefined && value >= 1 && value <= 8 ? (value as Orientation) : 1
}

function jpegExif(bytes: Buffer): Buffer | undefined {
  for (const { marker, body } of jpegSegments(bytes)) {
    if (marker === 0xe1 && body.toString('latin1', 0, 6) === 'Exif\0\0') return body.subarray(6)
  }
  return undefined
}

/** The eXIf chunk (PNG third edition, 11.3.4.5); it may follow the pixels. */
function pngExif(bytes: Buffer): Buffer | undefined {
  for (let at = 8; at + 12 <= bytes.length; at += 12 + bytes.readUInt32BE(at)) {
    if (bytes.toString('latin1', at + 4, at + 8) === 'eXIf') {
      return bytes.subarray(at + 8, at + 8 + bytes.readUInt32BE(at))
    }
  }
  return undefined
}

/**
 * The `irot` (quarter turns anticlockwise) and `imir` (mirror) properties of an AVIF file (ISO/IEC 23008-12, 6.5.10 and 6.5.12),
 * applied in that order; EXIF does not count there. They are looked for among all items: those of a picture's alpha plane
 * and thumbnail are the same.
 */
function avifOrientation(bytes: Buffer): Orientation {
  const meta = findBox(bytes, 'meta')
  const properties = meta && findBox(findBox(meta.subarray(4), 'iprp'), 'ipco')
  const turns = (findBox(properties, 'irot')?.[0] ?? 0) & 3
  const mirror = findBox(properties, 'imir')?.[0]
  const table = mirror === undefined ? [1, 8, 3, 6] : (mirror & 1) === 1 ? [2, 7, 4, 5] : [4, 5, 2, 7]
  return table[turns] as Orientation
}

/** Content of the first box of that type. */
function findBox(boxes: Buffer | undefined, type: string): Buffer | undefined {
  if (boxes === undefined) return undefined
  for (let at = 0; at + 8 <= boxes.length; ) {
    const size = boxes.readUInt32BE(at) || boxes.length - at
    if (size < 8) return undefined
    if (boxes.toString('latin1', at + 4, at + 8) === type) return boxes.subarray(at + 8, at + size)
    at += size
  }
  return undefined
}
