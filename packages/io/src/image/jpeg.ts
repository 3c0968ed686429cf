import type { Size } from './geometry.ts'

/** One marker segment of a JPEG file, without its marker and length. */
export interface JpegSegment {
  readonly marker: number
  readonly body: Buffer
  /** Where the next segment begins in the file. */
  readonly end: number
}

const SOS = 0xda
const EOI = 0xd9

/** The segments of a JPEG file up to the first scan, that scan's header included (ITU-T T.81, annex B). */
export function* jpegSegments(bytes: Buffer): Generator<JpegSegment> {
  let at = 2
  while (at + 4 <= bytes.length) {
    if (bytes[at] !== 0xff) return
    const marker = bytes[at + 1]!
    if (marker === 0xff) {
      at += 1 // fill byte
      continue
    }
    const end = at + 2 + bytes.readUInt16BE(at + 2)
    if (end > bytes.length || end < at + 4) return
    yield { marker, body: bytes.subarray(at + 4, end), end }
    if (marker === SOS) return
    at = end
  }
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
    // 0xc4, 0xc8 and 0xcc are tables.
    if (marker < 0xc0 || marker > 0xcf || ((marker & 3) === 0 && marker !== 0xc0)) continue
    if (body.length < 6) continue
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
