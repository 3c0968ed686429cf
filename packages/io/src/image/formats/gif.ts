import type { Size } from '../../base/geometry.ts'
import type { Area } from './canvas.ts'

/** The disposal of a picture before the next one (GIF89a specification, section 23). */
type Disposal = 'keep' | 'clear' | 'restore'

/** One picture of a GIF file, before its pixels are decoded. */
export interface GifPicture extends Area {
  readonly isInterlaced: boolean
  /**
   * Red, green and blue of each colour; empty if the file has no palette and its samples are grey.
   */
  readonly palette: Buffer
  /** Index of the transparent colour; -1 without one. */
  readonly transparent: number
  readonly disposal: Disposal
  /** Offset of its coded data: the smallest code size, then blocks. */
  readonly dataStart: number
  /** Offset of its graphic control extension; 0 without one. */
  readonly controlStart: number
}

const HEADER_BYTES = 13
const EXTENSION = 0x21
const IMAGE = 0x2c
const TRAILER = 0x3b
const GRAPHIC_CONTROL = 0xf9

/**
 * The complete pictures of a GIF file, in order (GIF89a specification, sections 18 to 26).
 *
 * @returns whether the file ends properly; if not, it is truncated or damaged after the last
 *   picture
 */
export function* gifPictures(bytes: Buffer): Generator<GifPicture, boolean> {
  let at = HEADER_BYTES + colourTableSize(bytes[10])
  const shared = bytes.subarray(HEADER_BYTES, at)
  let [transparent, controlStart] = [-1, 0]
  let disposal: Disposal = 'keep'
  while (at < bytes.length) {
    const kind = bytes[at]
    if (kind === EXTENSION) {
      if (bytes[at + 1] === GRAPHIC_CONTROL && at + 7 <= bytes.length) {
        const flags = bytes[at + 3]!
        controlStart = at
        transparent = (flags & 1) === 1 ? bytes[at + 6]! : -1
        disposal = disposalOf((flags >> 2) & 7)
      }
      at = skipBlocks(bytes, at + 2)
    } else if (kind === IMAGE) {
      if (at + 10 > bytes.length) return false
      const flags = bytes[at + 9]!
      const dataStart = at + 10 + colourTableSize(flags)
      const end = skipBlocks(bytes, dataStart + 1)
      if (end > bytes.length) return false
      const own = bytes.subarray(at + 10, dataStart)
      yield {
        left: bytes.readUInt16LE(at + 1),
        top: bytes.readUInt16LE(at + 3),
        width: bytes.readUInt16LE(at + 5),
        height: bytes.readUInt16LE(at + 7),
        isInterlaced: (flags & 0x40) !== 0,
        palette: own.length > 0 ? own : shared,
        ...{ transparent, disposal, dataStart, controlStart },
      }
      at = end
      transparent = -1
      controlStart = 0
      disposal = 'keep'
    } else if (kind === TRAILER) return true
    else if (kind === 0)
      at += 1 // stray terminators are common, and harmless
    else return false
  }
  return false
}

/** Size of the canvas: the screen, and at least the first picture, as in Pillow and browsers. */
export function gifCanvas(bytes: Buffer, first: Area): Size {
  return {
    width: Math.max(bytes.readUInt16LE(6), first.left + first.width),
    height: Math.max(bytes.readUInt16LE(8), first.top + first.height),
  }
}

/** Index of the background colour, if the file has a palette. */
export function gifBackground(bytes: Buffer): number {
  return bytes[11]!
}

/**
 * The first picture.
 *
 * @throws Error if it is incomplete
 */
export function firstGifPicture(bytes: Buffer): GifPicture {
  const { value, done } = gifPictures(bytes).next()
  if (done === true) throw new Error('the GIF file is truncated')
  return value
}

/**
 * All pictures.
 *
 * @throws Error if the file is truncated
 */
export function allGifPictures(bytes: Buffer): GifPicture[] {
  const found: GifPicture[] = []
  const pictures = gifPictures(bytes)
  for (;;) {
    const { value, done } = pictures.next()
    if (done !== true) found.push(value)
    else if (value && found.length > 0) return found
    else throw new Error('the GIF file is truncated or damaged')
  }
}

/** Size, number of complete pictures, and whether any has transparent pixels. */
export function gifFacts(
  bytes: Buffer,
): Size & { readonly frames: number; readonly hasAlpha: boolean } {
  let frames = 0
  let hasAlpha = false
  let size: Size = { width: bytes.readUInt16LE(6), height: bytes.readUInt16LE(8) }
  for (const picture of gifPictures(bytes)) {
    if (frames === 0) size = gifCanvas(bytes, picture)
    frames += 1
    if (picture.transparent >= 0) hasAlpha = true
  }
  return { ...size, frames, hasAlpha }
}

function disposalOf(code: number): Disposal {
  if (code === 2) return 'clear'
  // Some writers wrote 4 for 3.
  return code === 3 || code === 4 ? 'restore' : 'keep'
}

function colourTableSize(flags = 0): number {
  return (flags & 0x80) === 0 ? 0 : 3 << ((flags & 7) + 1)
}

/** Position after a sequence of data blocks; after the end if the last, empty block is missing. */
function skipBlocks(bytes: Buffer, at: number): number {
  let next = at
  while (next < bytes.length) {
    const size = bytes[next]!
    next += 1 + size
    if (size === 0) return next
  }
  return bytes.length + 1
}
