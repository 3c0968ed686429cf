import { createReadStream } from 'node:fs'
import type { ReadableStreamLike } from 'spindle'
import { MediaError } from '../../base/errors.ts'
import { fetchPieces } from '../../files/fetch.ts'
import type { Fetching } from '../../files/url-options.ts'
import { archiveError } from './archive-error.ts'
import { type ArchiveSource, bytesOf, describeArchive, isFile } from './archive-source.ts'
import {
  decompress,
  isDecompressionError,
  MAGIC_BYTES,
  sniffCompression,
  whyNot,
} from './compression.ts'

const FILE_PIECE = 256 * 1024

/** How an archive is read that comes in pieces. */
export interface PieceOptions {
  /** How a URL is fetched, and the signal. */
  readonly fetching: Fetching
  readonly maxDecompressedBytes: number
}

/**
 * The bytes of an archive in pieces, decompressed where its first bytes say that it is compressed.
 *
 * @throws ArchiveError `ERR_READ`, `ERR_DECODE`, `ERR_UNSUPPORTED`; the signal's reason, when
 *   aborted, also while a piece is waited for
 */
export async function* readPieces(
  source: ArchiveSource,
  { fetching, maxDecompressedBytes }: PieceOptions,
): AsyncGenerator<Buffer, void, void> {
  const { signal } = fetching
  const archive = describeArchive(source)
  // Ends the wait for a piece when the user aborts, and when nobody wants it any more.
  const stop = new AbortController()
  const abort = (): void => stop.abort(signal?.reason)
  signal?.throwIfAborted()
  signal?.addEventListener('abort', abort)
  const stored = readStored(source, archive, { ...fetching, signal: stop.signal })
  try {
    const head = await readHead(stored)
    const compression = sniffCompression(head)
    const refusal = compression === undefined ? undefined : whyNot(compression)
    if (refusal !== undefined) throw archiveError('ERR_UNSUPPORTED', archive, refusal)
    const all = chain(head, stored)
    if (compression === undefined) return yield* all
    yield* limited(decompress(compression, all), maxDecompressedBytes, archive)
  } catch (error) {
    signal?.throwIfAborted()
    throw isDecompressionError(error) ? archiveError('ERR_DECODE', archive, error) : error
  } finally {
    signal?.removeEventListener('abort', abort)
    stop.abort()
    await stored.return()
  }
}

async function* limited(
  pieces: AsyncGenerator<Buffer, void, void>,
  maxBytes: number,
  archive: string,
): AsyncGenerator<Buffer, void, void> {
  let bytes = 0
  for await (const piece of pieces) {
    bytes += piece.length
    if (bytes > maxBytes) {
      const problem = `decompresses to more than \`maxDecompressedBytes\` (${maxBytes})`
      throw archiveError('ERR_TOO_LARGE', archive, problem)
    }
    yield piece
  }
}

/** The first bytes, as many as tell how the rest is compressed. */
async function readHead(stored: AsyncGenerator<Buffer, void, void>): Promise<Buffer> {
  const pieces: Buffer[] = []
  for (let length = 0; length < MAGIC_BYTES; ) {
    const step = await stored.next()
    if (step.done === true) break
    // A copy: the source may use its memory again.
    pieces.push(Buffer.from(step.value))
    length += step.value.length
  }
  return Buffer.concat(pieces)
}

async function* chain(
  head: Buffer,
  rest: AsyncGenerator<Buffer, void, void>,
): AsyncGenerator<Buffer, void, void> {
  yield head
  yield* rest
}

/**
 * The bytes as they are stored. Whatever goes wrong comes out as an error that names the archive.
 */
async function* readStored(
  source: ArchiveSource,
  archive: string,
  fetching: Fetching & { readonly signal: AbortSignal },
): AsyncGenerator<Buffer, void, void> {
  const { signal } = fetching
  let iterator: AsyncIterator<Uint8Array> | undefined
  let isOpen = true
  let isWaiting = true
  try {
    iterator = open(source, fetching)
    for (;;) {
      isWaiting = true
      const step = await unlessAborted(iterator.next(), signal)
      isWaiting = false
      isOpen = step.done !== true
      if (!isOpen) return
      const bytes = bytesOf(step.value)
      if (bytes === undefined)
        throw new TypeError(
          `a piece of it is of type ${typeof step.value}, where a Uint8Array was expected`,
        )
      yield bytes
    }
  } catch (error) {
    signal.throwIfAborted()
    // An iterator that threw is at its end.
    isOpen = !isWaiting
    throw error instanceof MediaError ? error : archiveError('ERR_READ', archive, error)
  } finally {
    if (isOpen && iterator?.return !== undefined) {
      const returned = Promise.resolve(iterator.return()).catch(() => {})
      // While it hangs in `next()` it would hang here too.
      if (!isWaiting) await returned
    }
  }
}

function open(source: ArchiveSource, fetching: Fetching): AsyncIterator<Uint8Array> {
  const bytes = bytesOf(source)
  if (bytes !== undefined) return only(bytes)
  if (isFile(source))
    return createReadStream(source, { highWaterMark: FILE_PIECE })[Symbol.asyncIterator]()
  if (source instanceof URL)
    return fetchPieces(source, { ...fetching, headers: headersOf(fetching) })
  return iterate(
    source instanceof Blob ? source.stream() : (source as ReadableStreamLike<Uint8Array>),
  )
}

/**
 * An archive that is compressed on its way only is taken too: where it is cut, the archive ends too
 * early.
 */
function headersOf({ headers = {} }: Fetching): Record<string, string> {
  return { 'accept-encoding': 'identity, gzip;q=0.1', ...headers }
}

async function* only(bytes: Buffer): AsyncGenerator<Uint8Array, void, void> {
  yield bytes
}

function iterate(
  source: ReadableStreamLike<Uint8Array> | AsyncIterable<Uint8Array>,
): AsyncIterator<Uint8Array> {
  if (Symbol.asyncIterator in source)
    return (source as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]()
  const reader = (source as ReadableStream<Uint8Array>).getReader()
  return {
    next: () => reader.read() as Promise<IteratorResult<Uint8Array>>,
    async return() {
      await reader.cancel()
      return { done: true, value: undefined }
    },
  }
}

/**
 * The promise, or the rejection with the signal's reason, whichever comes first. The listener does
 * not outlive the wait.
 */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
