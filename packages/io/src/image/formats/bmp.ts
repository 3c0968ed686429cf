import { MediaError } from '../../base/errors.ts'
import type { Size } from '../../base/geometry.ts'

/** The header of a BMP file (Microsoft, BITMAPINFOHEADER to BITMAPV5HEADER). */
export interface BmpHeader extends Size {
  readonly bits: number
  readonly compression: number
  /** Whether rows go from top to bottom, which the file declares by a negative height. */
  readonly isTopDown: boolean
  /**
   * The bits of a pixel that are red, green, blue and alpha; 0 for none. Empty if pixels are no
   * such numbers.
   */
  readonly masks: readonly number[]
  /** Offset of the pixels. */
  readonly start: number
}

const OLD_HEADER = 12
const [FIELDS, JPEG, PNG, FIELDS_AND_ALPHA] = [3, 4, 5, 6]

/** @throws RangeError if the header is truncated, Error if it has no size */
export function bmpHeader(bytes: Buffer): BmpHeader {
  const size = bytes.readUInt32LE(14)
  const isOld = size === OLD_HEADER
  const height = isOld ? bytes.readUInt16LE(20) : bytes.readInt32LE(22)
  const bits = bytes.readUInt16LE(isOld ? 24 : 28)
  const compression = isOld ? 0 : bytes.readUInt32LE(30)
  const width = isOld ? bytes.readUInt16LE(18) : bytes.readInt32LE(18)
  if (width <= 0 || height === 0) throw new Error('the BMP file says that it has no pixels')
  return {
    width,
    height: Math.abs(height),
    ...{ bits, compression, isTopDown: height < 0 },
    masks: masksOf(bytes, size, bits, compression),
    start: bytes.readUInt32LE(10),
  }
}

function masksOf(bytes: Buffer, size: number, bits: number, compression: number): number[] {
  if (compression === FIELDS || compression === FIELDS_AND_ALPHA) {
    const hasAlpha = compression === FIELDS_AND_ALPHA || size >= 56
    return [54, 58, 62]
      .map((at) => bytes.readUInt32LE(at))
      .concat(hasAlpha ? bytes.readUInt32LE(66) : 0)
  }
  return bits === 16 && compression === 0 ? [0x7c00, 0x3e0, 0x1f, 0] : []
}

/** @throws MediaError `ERR_UNSUPPORTED` if it holds a file of another format */
export function refuseBmp({ compression }: BmpHeader): void {
  if (compression !== JPEG && compression !== PNG) return
  const inside = compression === JPEG ? 'JPEG' : 'PNG'
  throw new MediaError(
    'ERR_UNSUPPORTED',
    `a BMP file with a ${inside} file inside; convert it to ${inside}`,
  )
}

/**
 * RGBA pixels of a BMP file whose samples are bits of a number; `undefined` for other files. FFmpeg
 * uses five bits as the upper ones of eight, so that white becomes 248, and supports few masks.
 *
 * @throws Error if pixels are missing
 */
export function bmpPixels(bytes: Buffer, header: BmpHeader): Buffer | undefined {
  const { width, height, bits, masks, isTopDown, start } = header
  if (masks.length === 0 || (bits !== 16 && bits !== 32)) return undefined
  const stride = Math.ceil((width * bits) / 32) * 4
  if (start + stride * height > bytes.length) throw new Error('the BMP file is truncated')
  const fields = masks.map(fieldOf)
  const out = Buffer.alloc(width * height * 4, 255)
  for (let y = 0, to = 0; y < height; y++) {
    let at = start + (isTopDown ? y : height - 1 - y) * stride
    for (let x = 0; x < width; x++, to += 4, at += bits >> 3) {
      const pixel = bits === 16 ? bytes.readUInt16LE(at) : bytes.readUInt32LE(at)
      for (let c = 0; c < 4; c++) {
        const { mask, shift, max } = fields[c]!
        if (max > 0) out[to + c] = Math.round((((pixel & mask) >>> shift) * 255) / max)
        else if (c < 3) out[to + c] = 0
      }
    }
  }
  return out
}

/** The position of a sample in a pixel, and its largest value. */
function fieldOf(mask: number): { mask: number; shift: number; max: number } {
  const shift = mask === 0 ? 0 : 31 - Math.clz32(mask & -mask)
  return { mask, shift, max: mask >>> shift }
}
