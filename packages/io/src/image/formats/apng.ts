import type { Size } from '../../base/geometry.ts'
import { nodeZlib } from '../../builtins.ts'
import { type Area, BLACK, type Rgba, TRANSPARENT } from './canvas.ts'

/** One chunk of a PNG file, including its length and checksum. */
interface PngChunk {
  readonly type: string
  readonly bytes: Buffer
}

/** The chunks of a PNG file (PNG third edition, 5.3). It stops at a truncated chunk. */
export function* pngChunks(file: Buffer): Generator<PngChunk> {
  for (let at = 8; at + 12 <= file.length; ) {
    const end = at + 12 + file.readUInt32BE(at)
    if (end > file.length) return
    yield { type: file.toString('latin1', at + 4, at + 8), bytes: file.subarray(at, end) }
    at = end
  }
}

/** Whether a PNG file is animated, which it declares before its pixels. */
export function isApng(file: Buffer): boolean {
  for (const { type } of pngChunks(file)) {
    if (type === 'acTL') return true
    if (type === 'IDAT') return false
  }
  return false
}

/** The colour type of the header, at byte 25 of the file. */
const PALETTE_COLOURS = 3

/**
 * Whether a PNG file with palette colours has no palette before its pixels. FFmpeg's decoder would
 * use the palette of the previous picture.
 */
export function lacksPalette(file: Buffer): boolean {
  if (file[25] !== PALETTE_COLOURS) return false
  for (const { type } of pngChunks(file)) {
    if (type === 'PLTE') return false
    if (type === 'IDAT') break
  }
  return true
}

/**
 * One picture of an animation: its place on the canvas, its disposal, and its data as a separate
 * file.
 */
export interface ApngFrame extends Area {
  /** Whether transparent pixels show the earlier picture. */
  readonly isBlended: boolean
  readonly disposal: 'keep' | 'clear' | 'restore'
  readonly file: Buffer
}

/** An animated PNG: the size and background of its canvas, and its pictures. */
export interface Apng {
  readonly size: Size
  readonly blank: Rgba
  readonly frames: readonly ApngFrame[]
}

/** The parts of one picture: its control chunk, and its data without lengths and checksums. */
interface Parts {
  readonly control: Buffer
  readonly data: Buffer[]
}

/**
 * Reads the pictures of an animated PNG (PNG third edition, 11.3.6). A picture for programs without
 * animation, which has no control chunk, is left out. FFmpeg's decoder composes pictures by itself,
 * but fails to blend colours with a palette or with 16 bits.
 *
 * @throws Error if chunks are missing or damaged
 */
export function readApng(file: Buffer): Apng {
  const pictures: Parts[] = []
  const shared: Buffer[] = []
  let header: Buffer | undefined
  let announced = 0
  let isWhole = false
  for (const { type, bytes } of pngChunks(file)) {
    if (type === 'IEND') isWhole = true
    else if (type === 'IHDR') header = bytes
    else if (type === 'acTL') announced = bytes.readUInt32BE(8)
    else if (type === 'PLTE' || type === 'tRNS') shared.push(bytes)
    else if (type === 'fcTL' && bytes.length >= 38)
      pictures.push({ control: checked(bytes), data: [] })
    else if (type === 'IDAT') pictures.at(-1)?.data.push(checked(bytes).subarray(8, -4))
    else if (type === 'fdAT' && bytes.length >= 16)
      pictures.at(-1)?.data.push(checked(bytes).subarray(12, -4))
  }
  if (header === undefined || !isWhole || pictures.length === 0 || pictures.length !== announced)
    throw new Error('the PNG animation is truncated')
  const size = { width: header.readUInt32BE(8), height: header.readUInt32BE(12) }
  const settings = checked(header).subarray(16, 21)
  // Opaque pictures are shown on black, as in Pillow and FFmpeg.
  const hasAlpha =
    (settings[1]! & 4) !== 0 || shared.some((one) => one.toString('latin1', 4, 8) === 'tRNS')
  const frames = pictures.map((parts) => frameOf(parts, size, settings, shared))
  return { size, blank: hasAlpha ? TRANSPARENT : BLACK, frames }
}

const DISPOSALS = ['keep', 'clear', 'restore'] as const

function frameOf(
  { control, data }: Parts,
  canvas: Size,
  settings: Buffer,
  shared: Buffer[],
): ApngFrame {
  const [width, height] = [control.readUInt32BE(12), control.readUInt32BE(16)]
  const [left, top] = [control.readUInt32BE(20), control.readUInt32BE(24)]
  if (left + width > canvas.width || top + height > canvas.height)
    throw new Error('a picture of the animation reaches beyond its canvas')
  if (data.length === 0) throw new Error('a picture of the PNG animation is missing')
  const size = Buffer.alloc(8)
  size.writeUInt32BE(width, 0)
  size.writeUInt32BE(height, 4)
  const file = [
    SIGNATURE,
    chunk('IHDR', Buffer.concat([size, settings])),
    ...shared,
    chunk('IDAT', Buffer.concat(data)),
    chunk('IEND', Buffer.alloc(0)),
  ]
  const disposal = DISPOSALS[control[32]!] ?? 'keep'
  return {
    left,
    top,
    width,
    height,
    isBlended: control[33] === 1,
    disposal,
    file: Buffer.concat(file),
  }
}

const SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')

function chunk(type: string, body: Buffer): Buffer {
  const bytes = Buffer.alloc(12 + body.length)
  bytes.writeUInt32BE(body.length, 0)
  bytes.write(type, 4, 'latin1')
  body.copy(bytes, 8)
  bytes.writeUInt32BE(nodeZlib().crc32(bytes.subarray(4, -4)), bytes.length - 4)
  return bytes
}

/** @throws Error if the checksum of a chunk is wrong */
function checked(bytes: Buffer): Buffer {
  if (nodeZlib().crc32(bytes.subarray(4, -4)) !== bytes.readUInt32BE(bytes.length - 4))
    throw new Error('a chunk of the PNG animation is damaged')
  return bytes
}
