import { createHash } from 'node:crypto'
import { openRangeReader } from '../../files/open-reader.ts'
import type { Fetching } from '../../files/url-options.ts'

/** A file in the form that `hyparquet` reads. */
export interface Ranges {
  readonly buffer: {
    readonly byteLength: number
    slice(start: number, end?: number): Promise<ArrayBuffer>
  }
  /** A text that is the same for the same last bytes. */
  digestOfEnd(bytes: number): Promise<string>
  close(): Promise<void>
}

/**
 * Opens a path, or a URL of a server that sends ranges. @throws as `openReader`; MediaError
 * `ERR_UNSUPPORTED` for a server that does not send ranges
 */
export async function openRanges(place: string | URL, fetching: Fetching): Promise<Ranges> {
  const reader = await openRangeReader(place, fetching)
  const byteLength = reader.size
  const slice = async (start: number, end = byteLength): Promise<ArrayBuffer> => {
    const from = start < 0 ? Math.max(0, byteLength + start) : start
    const bytes = await reader.read(from, Math.min(end, byteLength) - from)
    // A copy only of what shares its memory with others. (A Buffer's `slice` would be none.)
    const isWhole = bytes.byteLength === bytes.buffer.byteLength
    return (isWhole ? bytes.buffer : new Uint8Array(bytes).buffer) as ArrayBuffer
  }
  return {
    buffer: { byteLength, slice },
    async digestOfEnd(bytes) {
      const end = new Uint8Array(await slice(Math.max(0, byteLength - bytes)))
      return createHash('sha256').update(end).digest('hex').slice(0, 16)
    },
    close: () => reader.close(),
  }
}
