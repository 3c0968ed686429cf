import type { EncodedImage } from './encoded-image.ts'
import { heifOrientation } from './formats/heif.ts'
import { tiffNumber } from './formats/tiff.ts'
import { webpExif } from './formats/webp.ts'

/** A part of a picture, as shares of its width and height. */
export interface Part {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

/**
 * How a picture must be turned to be shown, numbered as in EXIF: 1 is as stored, 3 turned by half,
 * 6 a quarter clockwise, 8 a quarter anticlockwise; 2, 4, 5 and 7 are mirrored.
 */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8

/** Whether width and height change places. */
export function isQuarterTurn(orientation: Orientation): boolean {
  return orientation >= 5
}

/** Whether the stored columns are shown from the last to the first. */
export function isFromRight(orientation: Orientation): boolean {
  return orientation === 2 || orientation === 3 || orientation === 7 || orientation === 8
}

/** Whether the stored rows are shown from the last to the first. */
export function isFromBottom(orientation: Orientation): boolean {
  return orientation === 3 || orientation === 4 || orientation === 6 || orientation === 7
}

/** What it is to turn a picture by one orientation, and the result by another. */
export function compose(first: Orientation, second: Orientation): Orientation {
  const isCrossed = isQuarterTurn(first)
  const [across, down] = [isFromRight(second), isFromBottom(second)]
  const right = isFromRight(first) !== (isCrossed ? down : across)
  const bottom = isFromBottom(first) !== (isCrossed ? across : down)
  const table = isCrossed === isQuarterTurn(second) ? PLAIN : CROSSED
  return table[(right ? 1 : 0) + (bottom ? 2 : 0)]!
}

/** Where a part of the shown picture lies in the stored one. */
export function storedPart(part: Part, orientation: Orientation): Part {
  const { left, top, width, height } = isQuarterTurn(orientation)
    ? { left: part.top, top: part.left, width: part.height, height: part.width }
    : part
  return {
    left: isFromRight(orientation) ? 1 - left - width : left,
    top: isFromBottom(orientation) ? 1 - top - height : top,
    ...{ width, height },
  }
}

/** By whether the columns come from the right (1) and the rows from the bottom (2). */
const PLAIN: readonly Orientation[] = [1, 2, 4, 3]
const CROSSED: readonly Orientation[] = [5, 8, 6, 7]

/** The orientation that an image file asks for; 1 where it says nothing or nonsense. */
export function readOrientation({ bytes, format, jpeg }: EncodedImage): Orientation {
  switch (format) {
    case 'jpeg':
      return jpeg === undefined || jpeg.exifStart === 0
        ? 1
        : exifOrientation(bytes.subarray(jpeg.exifStart, jpeg.exifEnd))
    case 'png':
      return exifOrientation(pngExif(bytes))
    case 'webp':
      return exifOrientation(webpExif(bytes))
    case 'tiff':
      return exifOrientation(bytes)
    case 'avif':
    case 'heic':
      return orientationOf(heifOrientation(bytes))
    default:
      return 1
  }
}

const ORIENTATION_TAG = 0x0112

function exifOrientation(tiff: Buffer | undefined): Orientation {
  return orientationOf(tiff && tiffNumber(tiff, ORIENTATION_TAG))
}

function orientationOf(value: number | undefined): Orientation {
  return value !== undefined && value >= 1 && value <= 8 ? (value as Orientation) : 1
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
