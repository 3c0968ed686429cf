import type { Size } from '../../base/geometry.ts'
import type { Area } from './canvas.ts'

/** One chunk of a RIFF file. */
interface Chunk {
  readonly type: string
  readonly body: Buffer
}

/**
 * The chunks of a WebP file (RFC 9649, section 2.3), or those inside a chunk, from position `at`.
 */
function* chunks(bytes: Buffer, at: number): Generator<Chunk> {
  for (let next = at; next + 8 <= bytes.length; ) {
    const size = bytes.readUInt32LE(next + 4)
    yield {
      type: bytes.toString('latin1', next, next + 4),
      body: bytes.subarray(next + 8, next + 8 + size),
    }
    next += 8 + size + (size & 1)
  }
}

/** The EXIF data of a WebP file. Some writers put JPEG's header before it. */
export function webpExif(bytes: Buffer): Buffer | undefined {
  for (const { type, body } of chunks(bytes, 12)) {
    if (type === 'EXIF')
      return body.toString('latin1', 0, 6) === 'Exif\0\0' ? body.subarray(6) : body
  }
  return undefined
}

const ANIMATION_FLAG = 2
const ALPHA_FLAG = 16

/**
 * One picture of an animation: its place on the canvas, its disposal, and its data as a separate
 * file.
 */
export interface WebpFrame extends Area {
  readonly durationMs: number
  /** Whether transparent pixels show the earlier picture. */
  readonly isBlended: boolean
  /** Whether its place is cleared afterwards. */
  readonly disposal: 'keep' | 'clear'
  readonly file: Buffer
}

/** Whether a WebP file is an animation. */
export function isWebpAnimation(bytes: Buffer): boolean {
  return isExtended(bytes) && (bytes[20]! & ANIMATION_FLAG) !== 0
}

/** Size of the canvas of an extended WebP file (RFC 9649, 2.7). */
export function webpCanvas(bytes: Buffer): Size {
  return { width: 1 + bytes.readUIntLE(24, 3), height: 1 + bytes.readUIntLE(27, 3) }
}

/** Number of complete pictures in a WebP animation. */
export function countWebpFrames(bytes: Buffer): number {
  let count = 0
  for (const { type } of chunks(bytes, 12)) if (type === 'ANMF') count += 1
  return count
}

/**
 * The pictures of a WebP animation (RFC 9649, 2.7.1.1).
 *
 * @throws Error at a damaged picture
 */
export function* webpFrames(bytes: Buffer): Generator<WebpFrame> {
  const canvas = webpCanvas(bytes)
  let count = 0
  for (const { type, body } of chunks(bytes, 12)) {
    if (type !== 'ANMF' || body.length < 16) continue
    const frame = {
      left: 2 * body.readUIntLE(0, 3),
      top: 2 * body.readUIntLE(3, 3),
      width: 1 + body.readUIntLE(6, 3),
      height: 1 + body.readUIntLE(9, 3),
      durationMs: body.readUIntLE(12, 3),
      isBlended: (body[15]! & 2) === 0,
      disposal: (body[15]! & 1) === 1 ? ('clear' as const) : ('keep' as const),
    }
    if (frame.left + frame.width > canvas.width || frame.top + frame.height > canvas.height)
      throw new Error('a picture of the animation reaches beyond its canvas')
    count += 1
    yield { ...frame, file: stillWebp([...chunks(body, 16)], frame) }
  }
  if (count === 0) throw new Error('the WebP file has no whole picture')
}

/** Whether a WebP file has its declared length. */
export function isWholeWebp(bytes: Buffer): boolean {
  return bytes.length >= 12 && 8 + bytes.readUInt32LE(4) <= bytes.length
}

/** Size of a WebP picture, whether it has alpha, and its number of pictures. */
export function webpFacts(
  bytes: Buffer,
): Size & { readonly hasAlpha: boolean; readonly frames: number } {
  return { ...webpSize(bytes), frames: isWebpAnimation(bytes) ? countWebpFrames(bytes) : 1 }
}

/**
 * Size of a WebP picture and whether it has alpha, from its first chunk (RFC 9649, 2.5 to 2.7, 3.4;
 * RFC 6386, 9.1).
 */
export function webpSize(bytes: Buffer): Size & { readonly hasAlpha: boolean } {
  const first = chunks(bytes, 12).next().value as Chunk | undefined
  const { type, body } = first ?? { type: '', body: Buffer.alloc(0) }
  if (type === 'VP8X' && body.length >= 10) {
    return { ...webpCanvas(bytes), hasAlpha: (body[0]! & ALPHA_FLAG) !== 0 }
  }
  if (type === 'VP8 ' && body.length >= 10 && body.readUIntBE(3, 3) === 0x9d012a) {
    const size = { width: body.readUInt16LE(6) & 0x3fff, height: body.readUInt16LE(8) & 0x3fff }
    return { ...size, hasAlpha: false }
  }
  if (type === 'VP8L' && body.length >= 5 && body[0] === 0x2f) {
    const bits = body.readUInt32LE(1)
    const size = { width: 1 + (bits & 0x3fff), height: 1 + ((bits >>> 14) & 0x3fff) }
    return { ...size, hasAlpha: ((bits >>> 28) & 1) === 1 }
  }
  throw new Error('the WebP file does not say the size of its picture')
}

function isExtended(bytes: Buffer): boolean {
  return bytes.length >= 30 && bytes.toString('latin1', 12, 16) === 'VP8X'
}

/** A picture of an animation as a separate file, with its alpha. */
function stillWebp(parts: readonly Chunk[], { width, height }: Size): Buffer {
  const picture = parts.find(({ type }) => type === 'VP8 ' || type === 'VP8L')
  if (picture === undefined) throw new Error('a picture of the WebP animation is missing')
  const alpha = parts.find(({ type }) => type === 'ALPH')
  if (alpha === undefined || picture.type === 'VP8L') return riff([picture])
  const header = Buffer.alloc(10)
  header[0] = ALPHA_FLAG
  header.writeUIntLE(width - 1, 4, 3)
  header.writeUIntLE(height - 1, 7, 3)
  return riff([{ type: 'VP8X', body: header }, alpha, picture])
}

function riff(parts: readonly Chunk[]): Buffer {
  const size = parts.reduce((sum, { body }) => sum + 8 + body.length + (body.length & 1), 4)
  const file = Buffer.alloc(8 + size)
  file.write('RIFF', 0, 'latin1')
  file.writeUInt32LE(size, 4)
  file.write('WEBP', 8, 'latin1')
  let at = 12
  for (const { type, body } of parts) {
    file.write(type, at, 'latin1')
    file.writeUInt32LE(body.length, at + 4)
    body.copy(file, at + 8)
    at += 8 + body.length + (body.length & 1)
  }
  return file
}
