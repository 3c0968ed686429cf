import { MediaError } from '../../base/errors.ts'
import type { JpegHeader } from './jpeg.ts'

/** What the components of a JPEG are: YCC is Y, Cb and Cr; YCCK the same of inks, and black. */
export type JpegColours = 'grey' | 'ycc' | 'rgb' | 'cmyk' | 'ycck'

const RGB_IDS = [0x52, 0x47, 0x42] // "R", "G", "B"
const ADOBE_TRANSFORM = 11

/**
 * What the components are, by libjpeg's rules (jdapimin.c): JFIF means YCC, else Adobe's marker
 * tells, else their names.
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
 * A JPEG file as FFmpeg's decoder must be given it. It takes components for RGB by Adobe's marker
 * or by their names, whatever else there is, and makes planes of another order where those are
 * subsampled: then it is told that they are YCC, and the planes come as they are stored.
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

/** Gives the components of all scans the numbers that they have in the frame header now. */
function rename(bytes: Buffer, first: number): void {
  for (let at = first; at > 0; at = nextScan(bytes, at)) {
    const count = bytes[at]!
    for (let i = 0; i < count; i++) {
      const index = RGB_IDS.indexOf(bytes[at + 1 + 2 * i]!)
      if (index >= 0) bytes[at + 1 + 2 * i] = index + 1
    }
  }
}

/**
 * Where the content of the next scan header begins; 0 without one. Coded data has no such marker.
 */
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
 * @throws MediaError `ERR_UNSUPPORTED` where FFmpeg took the four components of a JPEG for others
 * than they are
 */
export function refuseOtherInks(colours: JpegColours, pixelFormat: string): void {
  if (colours !== 'cmyk' && colours !== 'ycck') return
  if (pixelFormat.startsWith('yuva') === (colours === 'ycck')) return
  throw new MediaError(
    'ERR_UNSUPPORTED',
    `a JPEG file of ${colours.toUpperCase()} in an unusual form; the sharp backend reads it`,
  )
}
