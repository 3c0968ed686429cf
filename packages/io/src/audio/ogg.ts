import type { SyncReader } from '../file/routine.ts'

/** The largest page: header, 255 lengths of segments, and 255 bytes in each (RFC 3533, section 6). */
const LARGEST_PAGE = 27 + 255 + 255 * 255

/** What is wrong with the end of an Ogg file: a page that is cut off, which demuxers pass over. */
export function oggFault(reader: SyncReader): string | undefined {
  const length = Math.min(reader.size, LARGEST_PAGE)
  const { buffer, byteOffset } = reader.read(reader.size - length, length)
  const tail = Buffer.from(buffer, byteOffset, length)
  const page = tail.lastIndexOf('OggS\0', undefined, 'latin1')
  if (page === -1) return undefined
  const header = tail.subarray(page, page + 27)
  const segments = tail.subarray(page + 27, page + 27 + (header[26] ?? 0))
  const bytes = segments.reduce((sum, lacing) => sum + lacing, 0)
  const isWhole =
    header.length === 27 && segments.length === header[26] && page + 27 + segments.length + bytes <= length
  return isWhole ? undefined : 'truncated: its last page is cut off'
}
