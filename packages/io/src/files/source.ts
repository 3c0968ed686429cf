import { fileURLToPath } from 'node:url'
import { urlForMessages } from 'spindle/worker'
import { badOption, type MediaError, mediaError } from '../base/errors.ts'
import { NotReadable } from './regular.ts'

/**
 * Where a file comes from: a path, a URL (`file:`, `http:`, `https:`, `data:`), or its bytes. A
 * string is always a path. Do not change the bytes before the call settles.
 */
export type MediaSource = string | URL | Uint8Array | ArrayBuffer | SharedArrayBuffer | Blob

/** Where an image comes from. */
export type ImageSource = MediaSource

/** A source that can be read synchronously: a path, a `file:` URL, or bytes. */
export type SyncSource = string | URL | Uint8Array | ArrayBuffer | SharedArrayBuffer

/** The name of a source in messages: its path, its URL without secrets, or `1234 bytes`. */
export function describeSource(source: MediaSource): string {
  if (typeof source === 'string' || source instanceof URL) return urlForMessages(source)
  if (source instanceof Blob) return `Blob of ${source.size} bytes`
  return `${source.byteLength} bytes`
}

/**
 * Checks that a value is a {@link MediaSource}.
 *
 * @throws MediaError `ERR_BAD_OPTION` with the argument's name
 */
export function checkSource(source: unknown, name: string): asserts source is MediaSource {
  if (typeof source === 'string' && source !== '') return
  if (source instanceof URL || source instanceof Blob || source instanceof Uint8Array) return
  if (source instanceof ArrayBuffer || source instanceof SharedArrayBuffer) return
  throw badOption(name, 'a path, URL, Uint8Array, ArrayBuffer, SharedArrayBuffer or Blob', source)
}

/** Whether a source can be read synchronously. */
function isSyncSource(source: ImageSource): source is SyncSource {
  return !(source instanceof Blob) && !(source instanceof URL && source.protocol !== 'file:')
}

/**
 * A source in a form that another thread can read: a path, or bytes. `undefined` if it must be read
 * here.
 */
export function localSource(source: ImageSource): Exclude<SyncSource, URL> | undefined {
  if (!isSyncSource(source)) return undefined
  if (!(source instanceof URL)) return source
  try {
    return fileURLToPath(source)
  } catch {
    return undefined // reading it reports the reason
  }
}

/**
 * Checks that a value is a {@link SyncSource}.
 *
 * @throws MediaError `ERR_BAD_OPTION` with the argument's name
 */
export function checkSyncSource(source: unknown, name: string): asserts source is SyncSource {
  checkSource(source, name)
  if (!isSyncSource(source))
    throw badOption(
      name,
      'readable without waiting: a path, a file: URL or bytes',
      describeSource(source),
    )
}

/** The error for reading a file or Blob, with the name of the source. */
export function fileFault(error: unknown, source: MediaSource): MediaError {
  const cause = explain(error, source)
  return mediaError(codeOf(cause), describeSource(source), cause)
}

export function codeOf(cause: unknown): 'ERR_READ' | 'ERR_TOO_LARGE' {
  return (cause as { code?: unknown }).code === 'ERR_TOO_LARGE' ? 'ERR_TOO_LARGE' : 'ERR_READ'
}

/** Memory as a Buffer, copied if it is shared. */
export function bufferOf(memory: ArrayBufferLike, offset: number, length: number): Buffer {
  if (memory instanceof SharedArrayBuffer)
    return Buffer.from(new Uint8Array(memory, offset, length))
  return Buffer.from(memory, offset, length)
}

/**
 * Explains that a URL in a string is not a path. The system's message would repeat it, with its
 * secrets.
 */
export function explain(error: unknown, source: MediaSource): unknown {
  if (typeof source !== 'string' || !/^(https?|file|data):/.test(source)) return error
  return new NotReadable('a string is read as a path; pass a URL as `new URL(…)`')
}
