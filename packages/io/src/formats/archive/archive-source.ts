import type { ReadableStreamLike } from 'spindle'
import { badOption } from '../../base/errors.ts'
import { describeSource, type MediaSource } from '../../files/source.ts'

/**
 * Where an archive comes from: a path, a URL (`file:`, `http:`, `https:`, `data:`), bytes, or a
 * Blob; or a byte stream: a Node or web stream, or any async iterable of bytes. A string is always
 * a path.
 */
export type ArchiveSource = MediaSource | AsyncIterable<Uint8Array> | ReadableStreamLike<Uint8Array>

/** The name of an archive in messages. */
export function describeArchive(source: ArchiveSource): string {
  if (!isPieces(source)) return describeSource(source)
  const { path } = source as { path?: unknown }
  return typeof path === 'string' ? path : 'a stream'
}

/**
 * Checks that a value is an {@link ArchiveSource}.
 *
 * @throws MediaError `ERR_BAD_OPTION` with the argument's name
 */
export function checkArchiveSource(source: unknown, name: string): asserts source is ArchiveSource {
  if (typeof source === 'string' && source !== '') return
  if (source instanceof URL || source instanceof Blob || isBytes(source) || isPieces(source)) return
  throw badOption(
    name,
    'a path, URL, Uint8Array, ArrayBuffer, SharedArrayBuffer, Blob or stream of bytes',
    source,
  )
}

/** The memory of a source that is in memory, without a copy; `undefined` for other sources. */
export function bytesOf(source: unknown): Buffer | undefined {
  if (source instanceof Uint8Array)
    return Buffer.from(source.buffer, source.byteOffset, source.byteLength)
  return source instanceof ArrayBuffer || source instanceof SharedArrayBuffer
    ? Buffer.from(source)
    : undefined
}

/** Whether a source is a file of this machine. */
export function isFile(source: unknown): source is string | URL {
  return typeof source === 'string' || (source instanceof URL && source.protocol === 'file:')
}

function isBytes(source: unknown): boolean {
  return (
    source instanceof Uint8Array ||
    source instanceof ArrayBuffer ||
    source instanceof SharedArrayBuffer
  )
}

function isPieces(
  source: unknown,
): source is AsyncIterable<Uint8Array> | ReadableStreamLike<Uint8Array> {
  if (typeof source !== 'object' || source === null || isBytes(source) || source instanceof Blob)
    return false
  return Symbol.asyncIterator in source || 'getReader' in source
}
