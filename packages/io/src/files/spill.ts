import {
  accessSync,
  closeSync,
  constants,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MediaError } from '../base/errors.ts'
import { nodeCrypto } from '../builtins.ts'
import { dateMs } from '../timers.ts'
import type { SyncReader } from './routine.ts'

/** Number of bytes that are written at a time. */
const BLOCK_BYTES = 1 << 24

/** Age from which a file of a dead process is removed, in milliseconds. */
const ORPHAN_MS = 60_000

/** Folder of files in memory, on Linux. */
const MEMORY = '/dev/shm'

/**
 * Writes bytes to a file that FFmpeg can open, in memory if the system has such a folder: 0.1 ms
 * for a clip. With the callbacks of node-av 6.1, it could read memory directly. But they leak a
 * buffer for each file, keep the thread alive, and abort the process if it ends before them.
 *
 * @returns the path of a file that other users cannot read
 * @throws MediaError `ERR_READ`
 */
export function spill(reader: SyncReader): string {
  let path = ''
  try {
    path = spillPath()
    const file = openSync(path, 'wx', 0o600)
    try {
      for (let at = 0; at < reader.size; ) {
        at += writeSync(file, reader.read(at, Math.min(BLOCK_BYTES, reader.size - at)))
      }
    } finally {
      closeSync(file)
    }
    return path
  } catch (error) {
    removeSpilled(path)
    throw new MediaError('ERR_READ', `no room for it in a file: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

/** The path of a new file, in memory if the system has such a folder. */
export function spillPath(): string {
  return join(folder(), `spindle-${process.pid}-${nodeCrypto().randomBytes(12).toString('hex')}`)
}

/** Removes the file at the end of the program, if it still exists. */
export function removeAtExit(path: string): void {
  if (atExit.size === 0) process.on('exit', removeAll)
  atExit.add(path)
}

/** Removes the file, if it still exists. */
export function removeSpilled(path: string): void {
  rmSync(path, { force: true })
  if (atExit.delete(path) && atExit.size === 0) process.off('exit', removeAll)
}

const atExit = new Set<string>()

function removeAll(): void {
  for (const path of atExit) rmSync(path, { force: true })
}

let found: string | undefined

function folder(): string {
  if (found !== undefined) return found
  found = tmpdir()
  try {
    accessSync(MEMORY, constants.W_OK)
    found = MEMORY
  } catch {
    // Other systems lack this.
  }
  removeOrphans(found)
  return found
}

/**
 * Removes the files of killed processes. A young file may belong to a live process of another
 * container.
 */
function removeOrphans(folder: string): void {
  try {
    for (const name of readdirSync(folder)) {
      const pid = /^spindle-(\d+)-[0-9a-f]{24}$/.exec(name)?.[1]
      if (pid === undefined || isAlive(Number(pid))) continue
      const path = join(folder, name)
      if (dateMs() - statSync(path).mtimeMs > ORPHAN_MS) rmSync(path, { force: true })
    }
  } catch {
    // The file belongs to another user, or has been removed.
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
