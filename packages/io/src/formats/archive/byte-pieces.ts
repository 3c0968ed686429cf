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

/** How an archive is read piece by piece. */
export interface PieceOptions {
  /** Options for fetching URLs, and the signal. */
  readonly fetching: Fetching
  readonly maxDecompressedBytes: number
}

/**
 * The bytes of an archive in pieces, decompressed if the first bytes say that they are compressed.
 *
 * @throws ArchiveError `ERR_READ`, `ERR_DECODE`, `ERR_UNSUPPORTED`; the signal's reason if aborted,
 *   also while it waits for a piece
 */
export async function* readPieces(
  source: ArchiveSource,
  { fetching, maxDecompressedBytes }: PieceOptions,
): AsyncGenerator<Buffer, void, void> {
  const { signal } = fetching
  const archive = describeArchive(source)
  // Ends the wait for a piece if the user aborts or the consumer leaves.
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

/** Reads enough bytes to identify the compression. */
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

/** The stored bytes. Every failure becomes an error that names the archive. */
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
    // An iterator that has thrown is finished.
    isOpen = !isWaiting
    throw error instanceof MediaError ? error : archiveError('ERR_READ', archive, error)
  } finally {
    if (isOpen && iterator?.return !== undefined) {
      const returned = Promise.resolve(iterator.return()).catch(() => {})
      // Not awaited while `next()` hangs, because `return()` would hang too.
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
 * Also accepts archives that are compressed only in transit: if the transfer is cut, the archive is
 * visibly truncated.
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
 * The promise, or a rejection with the signal's reason, whichever settles first. The listener is
 * removed when the wait ends.
 */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
