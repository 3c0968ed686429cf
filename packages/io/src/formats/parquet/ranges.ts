import { nodeCrypto } from '../../builtins.ts'
import { openRangeReader } from '../../files/open-reader.ts'
import type { Fetching } from '../../files/url-options.ts'

/** A file in the form of `hyparquet`. */
export interface Ranges {
  readonly buffer: {
    readonly byteLength: number
    slice(start: number, end?: number): Promise<ArrayBuffer>
  }
  /** A digest of the last bytes. */
  digestOfEnd(bytes: number): Promise<string>
  close(): Promise<void>
}

/**
 * Opens a path, or a URL whose server supports ranges.
 *
 * @throws as `openReader`; MediaError `ERR_UNSUPPORTED` if the server does not support ranges
 */
export async function openRanges(place: string | URL, fetching: Fetching): Promise<Ranges> {
  const reader = await openRangeReader(place, fetching)
  const byteLength = reader.size
  const slice = async (start: number, end = byteLength): Promise<ArrayBuffer> => {
    const from = start < 0 ? Math.max(0, byteLength + start) : start
    const bytes = await reader.read(from, Math.min(end, byteLength) - from)
    // Copies only bytes that share their memory with others. (A Buffer's `slice` would not copy.)
    const isWhole = bytes.byteLength === bytes.buffer.byteLength
    return (isWhole ? bytes.buffer : new Uint8Array(bytes).buffer) as ArrayBuffer
  }
  return {
    buffer: { byteLength, slice },
    async digestOfEnd(bytes) {
      const end = new Uint8Array(await slice(Math.max(0, byteLength - bytes)))
      return nodeCrypto().createHash('sha256').update(end).digest('hex').slice(0, 16)
    },
    close: () => reader.close(),
  }
}
