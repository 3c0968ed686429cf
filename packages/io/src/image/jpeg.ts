import type { Size } from './geometry.ts'

/** One marker segment of a JPEG file, without its marker and length. */
export interface JpegSegment {
  readonly marker: number
  readonly body: Buffer
  /** Where the next segment begins in the file. */
  readonly end: number
}

const DHT = 0xc4
const SOS = 0xda
const DQT = 0xdb
const EOI = 0xd9

/** The segments of a JPEG file up to the first scan, that scan's header included (ITU-T T.81, annex B); with `andScans` all of them, and the end marker. */
export function* jpegSegments(bytes: Buffer, andScans = false): Generator<JpegSegment> {
  let at = 2
  while (at + 2 <= bytes.length) {
    if (bytes[at] !== 0xff) return
    const marker = bytes[at + 1]!
    if (marker === 0xff) {
      at += 1 // fill byte
      continue
    }
    if (marker === EOI && andScans) yield { marker, body: bytes.subarray(at + 2, at + 2), end: at + 2 }
    if (marker === EOI || at + 4 > bytes.length) return
    const end = at + 2 + bytes.readUInt16BE(at + 2)
    if (end > bytes.length || end < at + 4) return
    yield { marker, body: bytes.subarray(at + 4, end), end }
    if (marker === SOS && !andScans) return
    at = marker === SOS ? endOfScan(bytes, end) : end
  }
}

/** Where the next marker is behind coded data: restart markers are part of it. */
function endOfScan(bytes: Buffer, start: number): number {
  for (let at = bytes.indexOf(0xff, start); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    const next = bytes[at + 1] ?? 0
    if (next !== 0 && next !== 0xff && (next < 0xd0 || next > 0xd7)) return at
  }
  return bytes.length
}

/** What the frame header of a JPEG file says (ITU-T T.81, B.2.2). */
export interface JpegFrameHeader extends Size {
  /** Which of the SOF markers it is: 0xc0 baseline, 0xc1 extended, 0xc2 progressive, others seldom met. */
  readonly marker: number
  readonly bitDepth: number
  readonly channels: number
}

/** The frame header of a JPEG file; `undefined` where it has none. */
export function jpegFrameHeader(bytes: Buffer): JpegFrameHeader | undefined {
  for (const { marker, body } of jpegSegments(bytes)) {
    if (!isFrameHeader(marker) || body.length < 6) continue
    const size = { width: body.readUInt16BE(3), height: body.readUInt16BE(1) }
    return { ...size, marker, bitDepth: body[0]!, channels: body[5]! }
  }
  return undefined
}

/**
 * Whether a JPEG file has a scan and no end marker behind it. FFmpeg does not miss it, even when asked for strictness, where
 * only the last few bytes are cut off.
 */
export function lacksJpegEnd(bytes: Buffer): boolean {
  for (const { marker, end } of jpegSegments(bytes)) {
    if (marker === SOS) return bytes.lastIndexOf(Buffer.of(0xff, EOI)) < end
  }
  return false
}

/**
 * Whether a JPEG file surely brings all the tables that its scans use. FFmpeg's decoder takes those of the picture before for what is missing: a
 * damaged file would decode, by another's tables.
 */
export function hasOwnTables(bytes: Buffer): boolean {
  const quantisers = new Set<number>()
  const huffman = new Set<number>()
  const quantiserOf = new Map<number, number>()
  for (const { marker, body } of jpegSegments(bytes, true)) {
    if (marker === DQT) {
      for (let at = 0; at < body.length; at += 1 + (body[at]! >> 4 === 0 ? 64 : 128))
        quantisers.add(body[at]! & 15)
    } else if (marker === DHT) {
      for (let at = 0; at + 17 <= body.length; ) {
        huffman.add(body[at]!) // its class, DC or AC, in the upper half
        let codes = 0
        for (let i = 1; i <= 16; i++) codes += body[at + i]!
        at += 17 + codes
      }
    } else if (isFrameHeader(marker) && body.length >= 6) {
      for (let at = 6; at + 3 <= body.length; at += 3) quantiserOf.set(body[at]!, body[at + 2]!)
    } else if (marker === SOS) {
      const count = body[0] ?? 0
      const [from, to, isRefined] = [
        body[1 + 2 * count],
        body[2 + 2 * count],
        (body[3 + 2 * count] ?? 0) > 15,
      ]
      for (let at = 1; at < 1 + 2 * count; at += 2) {
        const [component, tables] = [body[at]!, body[at + 1]!]
        if (!quantisers.has(quantiserOf.get(component) ?? -1)) return false
        if (from === 0 && !isRefined && !huffman.has(tables >> 4)) return false
        if (to !== 0 && !huffman.has(16 + (tables & 15))) return false
      }
      // Of the common kind there is one scan with everything.
      if (from === 0 && to === 63 && count === quantiserOf.size) return true
    } else if (marker === EOI) return true
  }
  // Somewhere between its markers the file is damaged. FFmpeg goes on at the next one.
  return false
}

/** SOF0 to SOF15; 0xc4, 0xc8 and 0xcc among them are tables. */
function isFrameHeader(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && ((marker & 3) !== 0 || marker === 0xc0)
}
