import { randomBytes } from 'node:crypto'
import { closeSync, openSync, renameSync, unlinkSync, writevSync } from 'node:fs'
import { type FileHandle, open, rename, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { badOption, MediaError, mediaError } from '../base/errors.ts'
import type { SyncWriter, Writer } from './routine.ts'

/**
 * Writes a file so that others see the old one or the whole new one, never a part: into a file
 * beside it, which then takes its name. When writing fails, the file beside it is removed.
 *
 * @throws MediaError `ERR_WRITE` when the file system refuses
 */
export async function writeFileAtomically(
  path: string | URL,
  fill: (writer: Writer) => Promise<void>,
): Promise<void> {
  const { target, beside } = placesOf(path)
  let handle: FileHandle | undefined
  try {
    handle = await open(beside, 'wx')
    await fill({ write: (chunks) => writeAll(handle!, chunks) })
    await handle.close()
    await rename(beside, target)
  } catch (error) {
    await handle?.close().catch(() => {})
    if (handle !== undefined) await unlink(beside).catch(() => {})
    throw writeFault(target, error)
  }
}

/** {@link writeFileAtomically}, done when it returns. */
export function writeFileAtomicallySync(
  path: string | URL,
  fill: (writer: SyncWriter) => void,
): void {
  const { target, beside } = placesOf(path)
  let fd: number | undefined
  let isOpen = false
  try {
    fd = openSync(beside, 'wx')
    isOpen = true
    fill({ write: (chunks) => writeAllSync(fd!, chunks) })
    isOpen = false
    closeSync(fd)
    renameSync(beside, target)
  } catch (error) {
    if (isOpen) ignoreFault(() => closeSync(fd!))
    if (fd !== undefined) ignoreFault(() => unlinkSync(beside))
    throw writeFault(target, error)
  }
}

/** Bytes as a file, there as a whole or not at all. @throws MediaError `ERR_WRITE` */
export function writeBytes(path: string | URL, bytes: Uint8Array): Promise<void> {
  return writeFileAtomically(path, async (writer) => writer.write([bytes]))
}

/** {@link writeBytes}, done when it returns. */
export function writeBytesSync(path: string | URL, bytes: Uint8Array): void {
  writeFileAtomicallySync(path, (writer) => writer.write([bytes]))
}

/**
 * Encoded bytes where they are wanted: in the file, or given back where there is none. @throws
 * MediaError `ERR_WRITE`
 */
export function bytesOrFileSync(
  bytes: Uint8Array,
  path: string | undefined,
): Uint8Array | undefined {
  if (path === undefined) return bytes
  writeBytesSync(path, bytes)
  return undefined
}

/**
 * A path, of a `file:` URL too. @throws MediaError `ERR_BAD_OPTION` for what is no place for a file
 */
export function localPath(path: string | URL): string {
  checkPath(path)
  return typeof path === 'string' ? path : fileURLToPath(path)
}

/** Refuses what is no place for a file. @throws MediaError `ERR_BAD_OPTION` */
export function checkPath(path: unknown): asserts path is string | URL {
  const isPath =
    typeof path === 'string' ? path !== '' : path instanceof URL && path.protocol === 'file:'
  if (!isPath) throw badOption('path', 'a path or a file: URL', path)
}

function placesOf(path: string | URL): { target: string; beside: string } {
  const target = typeof path === 'string' ? path : fileURLToPath(path)
  const random = randomBytes(6).toString('hex')
  return { target, beside: join(dirname(target), `.${basename(target)}.${random}.tmp`) }
}

async function writeAll(handle: FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  for (let rest = chunks.filter((chunk) => chunk.byteLength > 0); rest.length > 0; ) {
    const { bytesWritten } = await handle.writev(pieces(rest))
    rest = after(rest, bytesWritten)
  }
}

function writeAllSync(fd: number, chunks: readonly Uint8Array[]): void {
  for (let rest = chunks.filter((chunk) => chunk.byteLength > 0); rest.length > 0; ) {
    rest = after(rest, writevSync(fd, pieces(rest)))
  }
}

/** One call writes at most 2 GiB less a page; some systems refuse more instead of writing less. */
const MAX_WRITE = 1 << 30

function pieces(chunks: readonly Uint8Array[]): Uint8Array[] {
  let room = MAX_WRITE
  const taken: Uint8Array[] = []
  for (const chunk of chunks) {
    if (room === 0) break
    const piece = chunk.subarray(0, room)
    taken.push(piece)
    room -= piece.byteLength
  }
  return taken
}

/** What is left of the chunks when so many bytes of them are written. */
function after(chunks: readonly Uint8Array[], written: number): Uint8Array[] {
  let toSkip = written
  const rest: Uint8Array[] = []
  for (const chunk of chunks) {
    if (toSkip < chunk.byteLength) rest.push(chunk.subarray(toSkip))
    toSkip = Math.max(0, toSkip - chunk.byteLength)
  }
  return rest
}

function writeFault(target: string, error: unknown): unknown {
  return error instanceof MediaError ? error : mediaError('ERR_WRITE', target, error)
}

function ignoreFault(work: () => void): void {
  try {
    work()
  } catch {} // the first fault is the one to tell
}
