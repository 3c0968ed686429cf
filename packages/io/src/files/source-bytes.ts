import { readFile } from 'spindle/source'
import { fetchBytes } from './fetch.ts'
import { bufferOf, fileFault, type MediaSource } from './source.ts'
import type { Fetching } from './url-options.ts'

// Separate from `source.ts`, so that the decoding threads do not load the code that fetches URLs.

/**
 * The bytes of a source. Shared memory is copied, because native libraries refuse it; other memory
 * is not.
 *
 * @param fetching options for fetching a URL, and the signal
 * @throws MediaError `ERR_READ` if the file, URL or Blob cannot be read, `ERR_TOO_LARGE`;
 *   `signal.reason` if aborted
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
