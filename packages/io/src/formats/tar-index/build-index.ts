import { nextTurn } from '../../timers.ts'
import { archiveError } from '../archive/archive-error.ts'
import { MAGIC_BYTES, sniffCompression } from '../archive/compression.ts'
import { AsyncFilePieces, StreamPieces, SyncFilePieces } from '../tar/file-pieces.ts'
import { AsyncPieceWindow, SyncPieceWindow } from '../tar/piece-window.ts'
import { Request } from '../tar/tar-window.ts'
import { type Plan, walkTar } from '../tar/walk-tar.ts'
import { TarMembers } from './index-members.ts'

/** The reader of an index. */
export interface RangeReader {
  readonly size: number
  read(offset: number, length: number, signal?: AbortSignal): Uint8Array | Promise<Uint8Array>
  /** Streams the whole archive, if that is cheaper than many reads. */
  stream?(signal?: AbortSignal): AsyncGenerator<Uint8Array, void, void>
}

/** A range reader with synchronous results. */
export interface SyncRangeReader extends RangeReader {
  read(offset: number, length: number): Uint8Array
}

/** Parsing this number of headers takes about a millisecond. */
const MEMBERS_PER_TURN = 1024

/**
 * Scans an archive once and builds its index. If headers are far apart, the data between them are
 * not read. Over the network everything is read: one request costs less than one for each header.
 */
export async function buildIndex(
  reader: RangeReader,
  archive: string,
  plan: Plan,
  signal: AbortSignal | undefined,
): Promise<TarMembers> {
  refuseCompressed(await reader.read(0, Math.min(MAGIC_BYTES, reader.size), signal), archive)
  const pieces =
    reader.stream !== undefined
      ? new StreamPieces(reader.stream(signal))
      : new AsyncFilePieces(
          reader.size,
          { isReused: true },
          async (bytes, offset, length, position) =>
            put(await reader.read(position, within(reader, position, length)), bytes, offset),
          async () => {},
        )
  const window = new AsyncPieceWindow(archive, pieces)
  const members = new TarMembers()
  try {
    for (const step of walkTar(window, plan)) {
      signal?.throwIfAborted()
      if (step instanceof Request) await window.serve(step)
      else {
        members.add(step)
        if (members.paths.length % MEMBERS_PER_TURN === 0) await nextTurn()
      }
    }
  } finally {
    await window.close()
  }
  return members
}

/** The synchronous form of {@link buildIndex}. */
export function buildIndexSync(reader: SyncRangeReader, archive: string, plan: Plan): TarMembers {
  refuseCompressed(reader.read(0, Math.min(MAGIC_BYTES, reader.size)), archive)
  const pieces = new SyncFilePieces(
    reader.size,
    true,
    (bytes, offset, length, position) =>
      put(reader.read(position, within(reader, position, length)), bytes, offset),
    () => {},
  )
  const window = new SyncPieceWindow(archive, pieces)
  const members = new TarMembers()
  for (const step of walkTar(window, plan)) {
    if (step instanceof Request) window.serve(step)
    else members.add(step)
  }
  return members
}

function within({ size }: RangeReader, position: number, length: number): number {
  return Math.max(0, Math.min(length, size - position))
}

function put(piece: Uint8Array, bytes: Uint8Array, offset: number): number {
  bytes.set(piece, offset)
  return piece.length
}

function refuseCompressed(head: Uint8Array, archive: string): void {
  const compression = sniffCompression(Buffer.from(head))
  if (compression === undefined) return
  const problem = `is compressed with ${compression}: nothing in it can be read without all before it. Decompress it first`
  throw archiveError('ERR_UNSUPPORTED', archive, problem)
}
