import { close, fstat, open, read } from 'node:fs'
import { archiveError } from '../archive-error.ts'
import { type ArchiveSource, bytesOf, describeArchive, isFile } from '../archive-source.ts'
import { sniffCompression } from '../compression.ts'
import { readPieces } from '../pieces.ts'
import { BLOCK } from './fields.ts'
import { AsyncFilePieces, type ReadAt } from './file-pieces.ts'
import { type AsyncPieces, AsyncPieceWindow } from './piece-window.ts'
import { type AsyncWindow, MemoryWindow, Request } from './window.ts'

/**
 * Opens an archive. Memory is read where it lies and a regular file where it is wanted; everything else, and whatever is compressed,
 * from beginning to end.
 *
 * @throws ArchiveError `ERR_READ`, `ERR_UNSUPPORTED`; the signal's reason, when aborted
 */
export async function openWindow(
  source: ArchiveSource,
  givesViews: boolean,
  signal: AbortSignal | undefined,
): Promise<AsyncWindow> {
  signal?.throwIfAborted()
  const archive = describeArchive(source)
  const bytes = bytesOf(source)
  if (bytes !== undefined && sniffCompression(bytes) === undefined) return new MemoryWindow(archive, bytes)
  if (isFile(source)) {
    const window = await openFile(source, archive, givesViews)
    if (window !== undefined) return window
  }
  return new AsyncPieceWindow(archive, new StreamPieces(readPieces(source, signal)))
}

/** The pieces of what has to be gone through from beginning to end. */
export class StreamPieces implements AsyncPieces {
  readonly length: undefined
  private readonly pieces: AsyncGenerator<Buffer, void, void>

  constructor(pieces: AsyncGenerator<Buffer, void, void>) {
    this.pieces = pieces
  }

  async next(): Promise<Buffer | undefined> {
    const step = await this.pieces.next()
    return step.done === true ? undefined : step.value
  }

  async close(): Promise<void> {
    await this.pieces.return()
  }
}

/** A window on a regular file that is not compressed, else `undefined`. */
async function openFile(
  source: string | URL,
  archive: string,
  givesViews: boolean,
): Promise<AsyncWindow | undefined> {
  const fd = await called<number>(archive, source, (done) => open(source, done))
  const closeFile = (): Promise<void> =>
    called<void>(archive, source, (done) => close(fd, (error) => done(error)))
  try {
    const stats = await called<{ size: number; isFile(): boolean }>(archive, source, (done) =>
      fstat(fd, done),
    )
    const readAt: ReadAt<Promise<number>> = (bytes, offset, length, position) =>
      called<number>(archive, source, (done) => read(fd, bytes, offset, length, position, done))
    const window = new AsyncPieceWindow(
      archive,
      new AsyncFilePieces(stats.size, !givesViews, readAt, closeFile),
    )
    if (stats.isFile()) {
      await window.serve(new Request().fill(BLOCK))
      if (sniffCompression(window.bytes.subarray(window.at, window.end)) === undefined) return window
    }
  } catch (error) {
    await closeFile()
    throw error
  }
  await closeFile()
  return undefined
}

/** A call of `node:fs` as a promise; cheaper than `fs.promises`. */
function called<T>(
  archive: string,
  source: string | URL,
  work: (done: (error: Error | null | undefined, value?: T) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    work((error, value) => {
      if (error) reject(archiveError('ERR_READ', archive, explainPath(source, error)))
      else resolve(value as T)
    })
  })
}

/** A URL given as a string is not a path. */
export function explainPath(source: string | URL, error: Error): Error {
  if (typeof source !== 'string' || !/^(https?|file|data):/.test(source)) return error
  return new Error('a string is read as a path; pass a URL as `new URL(…)`', { cause: error })
}
