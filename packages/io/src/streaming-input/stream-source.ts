import { constants, createReadStream, open } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { badOption, MediaError, mediaError } from '../base/errors.ts'
import { nodeNet } from '../builtins.ts'
import { fetchPieces } from '../files/fetch.ts'
import { checkSource, describeSource, type MediaSource, type SyncSource } from '../files/source.ts'
import type { Fetching } from '../files/url-options.ts'

/**
 * A byte stream: a Node or web stream, or any async iterable of bytes. It is read once, as fast as
 * it is consumed.
 */
export type ByteStream = AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>

/** The source of a stream of frames or samples: a complete file, or a byte stream. */
export type StreamSource = MediaSource | ByteStream

/** The name of a source in messages. */
export function describeStreamSource(source: StreamSource): string {
  return isByteStream(source) ? 'stream' : describeSource(source)
}

/**
 * Checks that a value is a {@link StreamSource}. From then on it listens to the errors of a Node
 * stream, which may fail before it is read.
 *
 * @throws MediaError `ERR_BAD_OPTION`
 */
export function checkStreamSource(source: unknown): asserts source is StreamSource {
  if (source instanceof Readable) source.on('error', () => {})
  if (isByteStream(source)) return
  try {
    checkSource(source, 'source')
  } catch {
    throw badOption('source', 'a path, URL, bytes, Blob, or a stream of bytes', source)
  }
}

export function isByteStream(source: unknown): source is ByteStream {
  if (typeof source !== 'object' || source === null || source instanceof Uint8Array) return false
  return Symbol.asyncIterator in source || source instanceof ReadableStream
}

/** An open source: random access, or a stream. */
export type Opened =
  | { readonly kind: 'file'; readonly source: SyncSource }
  | { readonly kind: 'stream'; readonly bytes: Readable }

/**
 * Opens a source if needed. URLs are fetched on demand, and pipes are read once.
 *
 * @throws MediaError `ERR_READ`
 */
export async function openSource(source: StreamSource, fetching: Fetching): Promise<Opened> {
  try {
    if (isByteStream(source)) return stream(readable(source))
    if (source instanceof Blob) return { kind: 'file', source: await source.arrayBuffer() }
    if (source instanceof URL && source.protocol !== 'file:')
      return stream(await begun(fetchPieces(source, fetching)))
    if (typeof source !== 'string' && !(source instanceof URL)) return { kind: 'file', source }
    const path = typeof source === 'string' ? source : fileURLToPath(source)
    const stats = await stat(path)
    return stats.isFIFO() ? stream(await openPipe(path)) : { kind: 'file', source: path }
  } catch (error) {
    fetching.signal?.throwIfAborted()
    if (error instanceof MediaError) throw error
    throw mediaError('ERR_READ', describeStreamSource(source), error)
  }
}

/**
 * Opens a named pipe, also without a writer. Any other way to open or read it would block a thread,
 * and the end of the process, until a writer comes.
 */
async function openPipe(path: string): Promise<Readable> {
  if (process.platform === 'win32') return createReadStream(path)
  const fd = await promisify(open)(path, constants.O_RDONLY | constants.O_NONBLOCK)
  return new (nodeNet().Socket)({ fd, readable: true, writable: false })
}

function stream(bytes: Readable): Opened {
  return { kind: 'stream', bytes }
}

/** Waits for the first bytes, so that a refusal of the server is reported here. */
async function begun(pieces: AsyncGenerator<Uint8Array, void, void>): Promise<Readable> {
  const first = await pieces.next()
  const all = async function* (): AsyncGenerator<Uint8Array, void, void> {
    try {
      if (first.done === true) return
      yield first.value
      yield* pieces
    } finally {
      await pieces.return()
    }
  }
  return Readable.from(all(), { objectMode: false })
}

export function readable(bytes: ByteStream): Readable {
  if (bytes instanceof Readable) return bytes
  return bytes instanceof ReadableStream
    ? Readable.fromWeb(bytes as Parameters<typeof Readable.fromWeb>[0])
    : Readable.from(bytes, { objectMode: false })
}
