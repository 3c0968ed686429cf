import { fileURLToPath } from 'node:url'
import { urlForMessages } from 'spindle/worker'
import { badOption, type MediaError, mediaError } from '../base/errors.ts'
import { NotReadable } from './regular.ts'

/**
 * Where a file comes from: a path, a URL (`file:`, `http:`, `https:`, `data:`), or its bytes.
 * A string is always a path. Bytes must not be changed until the call that was given them settles.
 */
export type MediaSource = string | URL | Uint8Array | ArrayBuffer | SharedArrayBuffer | Blob

/** Where an image comes from. */
export type ImageSource = MediaSource

/** A source that can be read at once, without waiting: a path, a `file:` URL, or bytes. */
export type SyncSource = string | URL | Uint8Array | ArrayBuffer | SharedArrayBuffer

/**
 * What a source is called in messages: its path, its URL without what may be secret, or
 * `1234 bytes`.
 */
export function describeSource(source: MediaSource): string {
  if (typeof source === 'string' || source instanceof URL) return urlForMessages(source)
  if (source instanceof Blob) return `Blob of ${source.size} bytes`
  return `${source.byteLength} bytes`
}

/**
 * Refuses what is not an {@link MediaSource}. @throws MediaError `ERR_BAD_OPTION` naming the
 * argument.
 */
export function checkSource(source: unknown, name: string): asserts source is MediaSource {
  if (typeof source === 'string' && source !== '') return
  if (source instanceof URL || source instanceof Blob || source instanceof Uint8Array) return
  if (source instanceof ArrayBuffer || source instanceof SharedArrayBuffer) return
  throw badOption(name, 'a path, URL, Uint8Array, ArrayBuffer, SharedArrayBuffer or Blob', source)
}

/** Whether a source can be read without waiting. */
function isSyncSource(source: ImageSource): source is SyncSource {
  return !(source instanceof Blob) && !(source instanceof URL && source.protocol !== 'file:')
}

/**
 * A source as another thread can read it: a path, or bytes. `undefined` where it must be read here.
 */
export function localSource(source: ImageSource): Exclude<SyncSource, URL> | undefined {
  if (!isSyncSource(source)) return undefined
  if (!(source instanceof URL)) return source
  try {
    return fileURLToPath(source)
  } catch {
    return undefined // reading it says why
  }
}

/**
 * Refuses what is not a {@link SyncSource}. @throws MediaError `ERR_BAD_OPTION` naming the
 * argument.
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

/** A fault of reading a file or Blob, with the name of the source. */
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
 * A URL given as a string is not a path. What the system says of it repeats it, with whatever is
 * secret in it.
 */
export function explain(error: unknown, source: MediaSource): unknown {
  if (typeof source !== 'string' || !/^(https?|file|data):/.test(source)) return error
  return new NotReadable('a string is read as a path; pass a URL as `new URL(…)`')
}
