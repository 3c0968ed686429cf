import { openRanges, type RemoteRanges } from './fetch.ts'
import { BlobReader, FileReader, MemoryReader, type OpenReader } from './reader.ts'
import type { MediaSource } from './source.ts'
import { readSource } from './source-bytes.ts'
import type { Fetching } from './url-options.ts'

/**
 * Opens a source for reads of ranges. For a regular file or Blob, only the requested ranges are
 * read; a URL is fetched as a whole.
 *
 * @throws MediaError `ERR_READ`, also for anything but a regular file; `signal.reason` if aborted
 */
export async function openReader(
  source: MediaSource,
  fetching: Fetching = {},
): Promise<OpenReader> {
  if (source instanceof Blob) return new BlobReader(source)
  if (typeof source === 'string' || (source instanceof URL && source.protocol === 'file:')) {
    fetching.signal?.throwIfAborted()
    return FileReader.open(source)
  }
  return new MemoryReader(await readSource(source, fetching), source instanceof URL)
}

/**
 * {@link openReader}, but of what a web server has only the ranges asked for are read, too. @throws
 * MediaError `ERR_UNSUPPORTED` also for a server that does not send ranges
 */
export async function openRangeReader(
  source: MediaSource,
  fetching: Fetching,
): Promise<OpenReader & Partial<Pick<RemoteRanges, 'modified' | 'stream'>>> {
  return source instanceof URL && /^https?:$/.test(source.protocol)
    ? openRanges(source, fetching)
    : openReader(source, fetching)
}
