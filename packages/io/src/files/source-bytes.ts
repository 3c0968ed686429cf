import { readFile } from 'spindle/source'
import { fetchBytes } from './fetch.ts'
import { bufferOf, fileFault, type MediaSource } from './source.ts'
import type { Fetching } from './url-options.ts'

// Apart from `source.ts`, so that the threads that decode do not load what fetches URLs.

/**
 * The bytes of a source. Memory that is not shared is not copied; shared memory is, because native
 * libraries refuse it.
 *
 * @param fetching how a URL is fetched, and the signal
 * @throws MediaError `ERR_READ` when the file, URL or Blob cannot be read, `ERR_TOO_LARGE`;
 *   `signal.reason` when aborted.
 */
export async function readSource(source: MediaSource, fetching: Fetching = {}): Promise<Buffer> {
  if (source instanceof Uint8Array)
    return bufferOf(source.buffer, source.byteOffset, source.byteLength)
  if (source instanceof ArrayBuffer || source instanceof SharedArrayBuffer) {
    return bufferOf(source, 0, source.byteLength)
  }
  const { signal } = fetching
  if (source instanceof URL && source.protocol !== 'file:') return fetchBytes(source, fetching)
  try {
    if (source instanceof Blob) return Buffer.from(await source.arrayBuffer())
    signal?.throwIfAborted()
    return await readFile(source)
  } catch (error) {
    signal?.throwIfAborted()
    throw fileFault(error, source)
  }
}
