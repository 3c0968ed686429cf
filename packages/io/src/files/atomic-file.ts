import { closeSync, openSync, renameSync, unlinkSync, writevSync } from 'node:fs'
import { type FileHandle, open, rename, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { badOption, MediaError, mediaError } from '../base/errors.ts'
import { nodeCrypto } from '../builtins.ts'
import type { SyncWriter, Writer } from './routine.ts'

/**
 * Writes a file so that readers see the old file or the complete new one: it writes a file beside
 * the target and renames it. If writing fails, it removes the file beside the target.
 *
 * @throws MediaError `ERR_WRITE` if the file system refuses
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

/** The synchronous form of {@link writeFileAtomically}. */
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

/**
 * Writes bytes to a file, whole or not at all.
 *
 * @throws MediaError `ERR_WRITE`
 */
export function writeBytes(path: string | URL, bytes: Uint8Array): Promise<void> {
  return writeFileAtomically(path, async (writer) => writer.write([bytes]))
}

/** The synchronous form of {@link writeBytes}. */
export function writeBytesSync(path: string | URL, bytes: Uint8Array): void {
  writeFileAtomicallySync(path, (writer) => writer.write([bytes]))
}

/**
 * Writes encoded bytes to the file, or returns them without a path.
 *
 * @throws MediaError `ERR_WRITE`
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
 * Converts a path or `file:` URL to a path.
 *
 * @throws MediaError `ERR_BAD_OPTION` for anything else
 */
export function localPath(path: string | URL): string {
  checkPath(path)
  return typeof path === 'string' ? path : fileURLToPath(path)
}

/**
 * Checks that a value is a path or a `file:` URL.
 *
 * @throws MediaError `ERR_BAD_OPTION`
 */
export function checkPath(path: unknown): asserts path is string | URL {
  const isPath =
    typeof path === 'string' ? path !== '' : path instanceof URL && path.protocol === 'file:'
  if (!isPath) throw badOption('path', 'a path or a file: URL', path)
}

function placesOf(path: string | URL): { target: string; beside: string } {
  const target = typeof path === 'string' ? path : fileURLToPath(path)
  const random = nodeCrypto().randomBytes(6).toString('hex')
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

/** The rest of the chunks after `written` bytes. */
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
  } catch {} // the first error matters
}
