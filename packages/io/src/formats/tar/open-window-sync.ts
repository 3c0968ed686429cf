import { closeSync, readFileSync, readSync } from 'node:fs'
import { badOption } from '../../base/errors.ts'
import { MAX_WHOLE, openRegularSync } from '../../files/regular.ts'
import { explain } from '../../files/source.ts'
import { type ArchiveError, archiveError } from '../archive/archive-error.ts'
import { type ArchiveSource, bytesOf, describeArchive, isFile } from '../archive/archive-source.ts'
import { decompressSync, sniffCompression, whyNot } from '../archive/compression.ts'
import { BLOCK } from './fields.ts'
import { SyncFilePieces } from './file-pieces.ts'
import { SyncPieceWindow } from './piece-window.ts'
import { MemoryWindow, Request, type SyncWindow } from './tar-window.ts'

/**
 * Opens a file or bytes.
 *
 * @throws ArchiveError as `openWindow`; MediaError `ERR_BAD_OPTION` for other sources
 */
export function openWindowSync(
  source: ArchiveSource,
  isReused: boolean,
  maxDecompressedBytes: number,
): SyncWindow {
  const archive = describeArchive(source)
  const bytes = bytesOf(source)
  if (bytes !== undefined) return openMemory(archive, bytes, maxDecompressedBytes)
  if (isFile(source)) return openFile(source, archive, isReused, maxDecompressedBytes)
  throw badOption(
    'source',
    'a path, a file: URL or bytes, as nothing else is read synchronously',
    source,
  )
}

function openMemory(archive: string, bytes: Buffer, maxBytes: number): SyncWindow {
  const compression = sniffCompression(bytes)
  if (compression === undefined) return new MemoryWindow(archive, bytes)
  const refusal = whyNot(compression)
  if (refusal !== undefined) throw archiveError('ERR_UNSUPPORTED', archive, refusal)
  try {
    return new MemoryWindow(archive, decompressSync(compression, bytes, maxBytes))
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_BUFFER_TOO_LARGE')
      throw archiveError('ERR_DECODE', archive, error)
    const problem = `decompresses to more than \`maxDecompressedBytes\` (${maxBytes}); iterateTar does it piece by piece`
    throw archiveError('ERR_TOO_LARGE', archive, problem)
  }
}

function openFile(
  source: string | URL,
  archive: string,
  isReused: boolean,
  maxBytes: number,
): SyncWindow {
  const call = <T>(work: () => T): T => {
    try {
      return work()
    } catch (error) {
      throw archiveError('ERR_READ', archive, explain(error, source))
    }
  }
  const { fd, size } = call(() => openRegularSync(source))
  let isKept = false
  try {
    const pieces = new SyncFilePieces(
      size,
      isReused,
      (bytes, offset, length, position) =>
        call(() => readSync(fd, bytes, offset, length, position)),
      () => call(() => closeSync(fd)),
    )
    const window = new SyncPieceWindow(archive, pieces)
    window.serve(new Request().fill(BLOCK))
    if (sniffCompression(window.bytes.subarray(window.at, window.end)) !== undefined) {
      if (size > MAX_WHOLE) throw tooLarge(archive, size)
      return openMemory(
        archive,
        call(() => readFileSync(source)),
        maxBytes,
      )
    }
    isKept = true
    return window
  } finally {
    if (!isKept) closeSync(fd)
  }
}

function tooLarge(archive: string, size: number): ArchiveError {
  const problem = `has ${size} bytes, and is decompressed as a whole, which is possible for ${MAX_WHOLE} at most; iterateTar does it piece by piece`
  return archiveError('ERR_TOO_LARGE', archive, problem)
}
