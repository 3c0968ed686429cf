import { bytesOf } from '../../base/dtypes.ts'
import type { SyncReader } from '../../files/routine.ts'

/**
 * The largest page: header, 255 lengths of segments, and 255 bytes in each (RFC 3533, section 6).
 */
const LARGEST_PAGE = 27 + 255 + 255 * 255
/** Number of bytes that have the first pages of all streams. */
const HEAD_BYTES = 65_536
const IS_FIRST = 2

/** The defect at the end of an Ogg file: a truncated page, which demuxers ignore. */
export function oggFault(reader: SyncReader): string | undefined {
  const tail = tailOf(reader)
  const page = tail.lastIndexOf('OggS\0', undefined, 'latin1')
  if (page === -1) return undefined
  const header = tail.subarray(page, page + 27)
  const segments = tail.subarray(page + 27, page + 27 + (header[26] ?? 0))
  const bytes = segments.reduce((sum, lacing) => sum + lacing, 0)
  const isWhole =
    header.length === 27 &&
    segments.length === header[26] &&
    page + 27 + segments.length + bytes <= tail.length
  return isWhole ? undefined : 'truncated: its last page is cut off'
}

/**
 * Whether the file is several chained Ogg files (RFC 3533, section 4, "chaining"): the last page
 * belongs to a stream that does not begin at the beginning.
 */
export function isChained(reader: SyncReader): boolean {
  const tail = tailOf(reader)
  const last = tail.lastIndexOf('OggS\0', undefined, 'latin1')
  if (last === -1 || last + 27 > tail.length) return false
  return !firstSerials(reader).has(tail.readUInt32LE(last + 14))
}

/** The serial numbers of the streams whose first pages are at the beginning, one after another. */
function firstSerials(reader: SyncReader): Set<number> {
  const head = bytesOf(reader.read(0, Math.min(HEAD_BYTES, reader.size)))
  const serials = new Set<number>()
  for (let at = 0; at + 27 <= head.length && head.toString('latin1', at, at + 4) === 'OggS'; ) {
    if ((head[at + 5]! & IS_FIRST) === 0) break
    serials.add(head.readUInt32LE(at + 14))
    const segments = head.subarray(at + 27, at + 27 + head[at + 26]!)
    at += 27 + segments.length + segments.reduce((sum, lacing) => sum + lacing, 0)
  }
  return serials
}

function tailOf(reader: SyncReader): Buffer {
  const length = Math.min(reader.size, LARGEST_PAGE)
  return bytesOf(reader.read(reader.size - length, length))
}
