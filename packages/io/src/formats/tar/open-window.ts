import { close, read } from 'node:fs'
import { called, openRegular } from '../../files/regular.ts'
import { explain } from '../../files/source.ts'
import { type ArchiveError, archiveError } from '../archive/archive-error.ts'
import { type ArchiveSource, bytesOf, describeArchive, isFile } from '../archive/archive-source.ts'
import { type PieceOptions, readPieces } from '../archive/byte-pieces.ts'
import { sniffCompression } from '../archive/compression.ts'
import { BLOCK } from './fields.ts'
import { AsyncFilePieces, type PieceUse, type ReadAt, StreamPieces } from './file-pieces.ts'
import { AsyncPieceWindow } from './piece-window.ts'
import { type AsyncWindow, MemoryWindow, Request } from './tar-window.ts'

/**
 * Opens an archive. Memory is read in place, and a regular file at any position. All other sources,
 * and compressed ones, are read from beginning to end.
 *
 * @throws ArchiveError `ERR_READ`, `ERR_UNSUPPORTED`; the signal's reason if it is aborted
 */
export async function openWindow(
  source: ArchiveSource,
  use: PieceUse,
  options: PieceOptions,
): Promise<AsyncWindow> {
  options.fetching.signal?.throwIfAborted()
  const archive = describeArchive(source)
  const bytes = bytesOf(source)
  if (bytes !== undefined && sniffCompression(bytes) === undefined)
    return new MemoryWindow(archive, bytes)
  if (isFile(source)) {
    const window = await openFile(source, archive, use)
    if (window !== undefined) return window
  }
  return new AsyncPieceWindow(archive, new StreamPieces(readPieces(source, options)))
}

/** A window on a file; `undefined` if the file is compressed. */
async function openFile(
  source: string | URL,
  archive: string,
  use: PieceUse,
): Promise<AsyncWindow | undefined> {
  const { fd, size } = await openRegular(source).catch((error) => {
    throw archiveError('ERR_READ', archive, explain(error, source))
  })
  const fault = (error: unknown): ArchiveError => archiveError('ERR_READ', archive, error)
  const closeFile = (): Promise<void> =>
    called<void>((done) => close(fd, (error) => done(error)), fault)
  try {
    const readAt: ReadAt<Promise<number>> = (bytes, offset, length, position) =>
      called<number>((done) => read(fd, bytes, offset, length, position, done), fault)
    const pieces = new AsyncFilePieces(size, use, readAt, closeFile)
    const window = new AsyncPieceWindow(archive, pieces)
    await window.serve(new Request().fill(BLOCK))
    if (sniffCompression(window.bytes.subarray(window.at, window.end)) === undefined) return window
  } catch (error) {
    await closeFile()
    throw error
  }
  await closeFile()
  return undefined
}
