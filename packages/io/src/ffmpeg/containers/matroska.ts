import { bytesOf } from '../../base/dtypes.ts'
import type { SyncReader } from '../../files/routine.ts'

const EBML_ID = 0x1a45dfa3
const SEGMENT_ID = 0x18538067

/**
 * The defect at the end of a Matroska file: its segment is longer than the file (RFC 8794, section
 * 6). Demuxers ignore this.
 */
export function matroskaFault(reader: SyncReader): string | undefined {
  const bytes = bytesOf(reader.read(0, Math.min(4096, reader.size)))
  const header = elementAt(bytes, 0, EBML_ID)
  const segment = header && elementAt(bytes, header.end, SEGMENT_ID)
  if (segment === undefined || segment.isOpen || segment.end <= reader.size) return undefined
  return `truncated: ${segment.end - reader.size} bytes are missing at its end`
}

/** An element with an ID of four bytes, and its end. */
function elementAt(
  bytes: Buffer,
  at: number,
  id: number,
): { readonly end: number; readonly isOpen: boolean } | undefined {
  if (at + 12 > bytes.length || bytes.readUInt32BE(at) !== id) return undefined
  const first = bytes[at + 4]!
  const width = Math.clz32(first) - 23
  if (width > 8) return undefined
  let size = first & (0xff >> width)
  let isOpen = size === 0xff >> width
  for (let i = 1; i < width; i++) {
    const next = bytes[at + 4 + i]!
    size = size * 256 + next
    isOpen &&= next === 0xff
  }
  return { end: at + 4 + width + size, isOpen }
}
