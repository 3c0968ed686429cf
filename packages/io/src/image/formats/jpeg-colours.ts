import { MediaError } from '../../base/errors.ts'
import type { JpegHeader } from './jpeg.ts'

/**
 * The meaning of the components of a JPEG: YCC is Y, Cb and Cr; YCCK is the same for inks, plus
 * black.
 */
export type JpegColours = 'grey' | 'ycc' | 'rgb' | 'cmyk' | 'ycck'

const RGB_IDS = [0x52, 0x47, 0x42] // "R", "G", "B"
const ADOBE_TRANSFORM = 11

/**
 * The meaning of the components, by libjpeg's rules (jdapimin.c): JFIF means YCC, then Adobe's
 * marker counts, then the components' names.
 */
export function jpegColours(bytes: Buffer, header: JpegHeader): JpegColours {
  const { frame, isJfif, adobeStart } = header
  const transform = adobeStart > 0 ? bytes[adobeStart + ADOBE_TRANSFORM] : undefined
  if (frame?.channels === 4) return transform === undefined || transform === 0 ? 'cmyk' : 'ycck'
  if (frame?.channels !== 3) return 'grey'
  if (isJfif) return 'ycc'
  if (transform !== undefined) return transform === 0 ? 'rgb' : 'ycc'
  return isNamedRgb(bytes, header) ? 'rgb' : 'ycc'
}

/**
 * Prepares a JPEG file for FFmpeg's decoder. The decoder recognises RGB only by Adobe's marker or
 * by the names of the components, and reorders the planes if they are subsampled. So such a file is
 * declared as YCC, and the planes come as they are stored.
 */
export function jpegForFFmpeg(bytes: Buffer, header: JpegHeader): Buffer {
  const { frame, frameStart, adobeStart, scanHeader } = header
  if (frame?.channels !== 3) return bytes
  const isAdobeRgb = adobeStart > 0 && bytes[adobeStart + ADOBE_TRANSFORM] === 0
  if (!isAdobeRgb && !isNamedRgb(bytes, header)) return bytes
  if (jpegColours(bytes, header) === 'rgb' && !isSubsampled(bytes, header)) return bytes
  const changed = Buffer.from(bytes)
  if (adobeStart > 0) changed[adobeStart + ADOBE_TRANSFORM] = 1
  if (!isNamedRgb(bytes, header)) return changed
  for (let i = 0; i < 3; i++) changed[frameStart + 6 + 3 * i] = i + 1
  rename(changed, scanHeader)
  return changed
}

/** Gives the components of all scans the new numbers of the frame header. */
function rename(bytes: Buffer, first: number): void {
  for (let at = first; at > 0; at = nextScan(bytes, at)) {
    const count = bytes[at]!
    for (let i = 0; i < count; i++) {
      const index = RGB_IDS.indexOf(bytes[at + 1 + 2 * i]!)
      if (index >= 0) bytes[at + 1 + 2 * i] = index + 1
    }
  }
}

/** Offset of the next scan header's content; 0 without one. Coded data cannot have this marker. */
function nextScan(bytes: Buffer, after: number): number {
  const found = bytes.indexOf(SCAN, after)
  return found < 0 || found + 5 > bytes.length ? 0 : found + 4
}

const SCAN = Buffer.of(0xff, 0xda)

function isNamedRgb(bytes: Buffer, { frameStart }: JpegHeader): boolean {
  return frameStart > 0 && RGB_IDS.every((id, i) => bytes[frameStart + 6 + 3 * i] === id)
}

function isSubsampled(bytes: Buffer, { frameStart }: JpegHeader): boolean {
  const first = bytes[frameStart + 7]
  return bytes[frameStart + 10] !== first || bytes[frameStart + 13] !== first
}

/**
 * @throws MediaError `ERR_UNSUPPORTED` if FFmpeg mistook the four components of a JPEG for others
 */
export function refuseOtherInks(colours: JpegColours, pixelFormat: string): void {
  if (colours !== 'cmyk' && colours !== 'ycck') return
  if (pixelFormat.startsWith('yuva') === (colours === 'ycck')) return
  throw new MediaError(
    'ERR_UNSUPPORTED',
    `a JPEG file of ${colours.toUpperCase()} in an unusual form; the sharp backend reads it`,
  )
}
