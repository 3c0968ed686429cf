import { createReadStream } from 'node:fs'
import type { ReadableStreamLike } from 'spindle'
import { MediaError } from '../errors.ts'
import { archiveError } from './archive-error.ts'
import { type ArchiveSource, bytesOf, describeArchive, isFile } from './archive-source.ts'
import { decompress, isDecompressionError, MAGIC_BYTES, sniffCompression, whyNot } from './compression.ts'

const FILE_PIECE = 256 * 1024

/**
 * The bytes of an archive in pieces, decompressed where its first bytes say that it is compressed.
 *
 * @throws ArchiveError `ERR_READ`, `ERR_DECODE`, `ERR_UNSUPPORTED`; the signal's reason, when aborted, also while a piece is waited for
 */
export async function* readPieces(
  source: ArchiveSource,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer, void, void> {
  const archive = describeArchive(source)
  // Ends the wait for a piece when the user aborts, and when nobody wants it any more.
  const stop = new AbortController()
  const abort = (): void => stop.abort(signal?.reason)
  signal?.throwIfAborted()
  signal?.addEventListener('abort', abort)
  const stored = readStored(source, archive, stop.signal)
  try {
    const head = await readHead(stored)
    const compression = sniffCompression(head)
    const refusal = compression === undefined ? undefined : whyNot(compression)
    if (refusal !== undefined) throw archiveError('ERR_UNSUPPORTED', archive, refusal)
    const all = chain(head, stored)
    yield* compression === undefined ? all : decompress(compression, all)
  } catch (error) {
    signal?.throwIfAborted()
    throw isDecompressionError(error) ? archiveError('ERR_DECODE', archive, error) : error
  } finally {
    signal?.removeEventListener('abort', abort)
    stop.abort()
    await stored.return()
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

/** The bytes as they are stored. Whatever goes wrong comes out as an error that names the archive. */
async function* readStored(
  source: ArchiveSource,
  archive: string,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  let iterator: AsyncIterator<Uint8Array> | undefined
  let isOpen = true
  let isWaiting = true
  try {
    iterator = await open(source, signal)
    for (;;) {
      isWaiting = true
      const step = await unlessAborted(iterator.next(), signal)
      isWaiting = false
      isOpen = step.done !== true
      if (!isOpen) return
      const bytes = bytesOf(step.value)
      if (bytes === undefined)
        throw new TypeError(`a piece of it is of type ${typeof step.value}, where a Uint8Array was expected`)
      yield bytes
    }
  } catch (error) {
    signal.throwIfAborted()
    // An iterator that threw is at its end.
    isOpen = !isWaiting
    throw error instanceof MediaError ? error : archiveError('ERR_READ', archive, explainFetch(error))
  } finally {
    if (isOpen && iterator?.return !== undefined) {
      const returned = Promise.resolve(iterator.return()).catch(() => {})
      // While it hangs in `next()` it would hang here too.
      if (!isWaiting) await returned
    }
  }
}

async function open(source: ArchiveSource, signal: AbortSignal): Promise<AsyncIterator<Uint8Array>> {
  const bytes = bytesOf(source)
  if (bytes !== undefined) return only(bytes)
  if (isFile(source)) return createReadStream(source, { highWaterMark: FILE_PIECE })[Symbol.asyncIterator]()
  if (source instanceof URL) return iterate(await download(source, signal))
  return iterate(source instanceof Blob ? source.stream() : (source as ReadableStreamLike<Uint8Array>))
}

async function* only(bytes: Buffer): AsyncGenerator<Uint8Array, void, void> {
  yield bytes
}

function iterate(
  source: ReadableStreamLike<Uint8Array> | AsyncIterable<Uint8Array>,
): AsyncIterator<Uint8Array> {
  if (Symbol.asyncIterator in source) return (source as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]()
  const reader = (source as ReadableStream<Uint8Array>).getReader()
  return {
    next: () => reader.read() as Promise<IteratorResult<Uint8Array>>,
    async return() {
      await reader.cancel()
      return { done: true, value: undefined }
    },
  }
}

async function download(url: URL, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
  const response = await fetch(url, { signal })
  if (!response.ok) {
    await response.body?.cancel()
    throw new Error(`the server answered ${response.status} ${response.statusText}`.trimEnd())
  }
  return (response.body ?? new Blob([]).stream()) as AsyncIterable<Uint8Array>
}

/** `fetch` hides what happened in the cause of "fetch failed" and of "terminated". */
export function explainFetch(error: unknown): unknown {
  const cause = error instanceof TypeError ? error.cause : undefined
  return cause instanceof Error
    ? new Error(`${(error as Error).message}: ${cause.message || cause.name}`, { cause: error })
    : error
}

/** The promise, or the rejection with the signal's reason, whichever comes first. The listener does not outlive the wait. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
