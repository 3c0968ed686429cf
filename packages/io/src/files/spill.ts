import { randomBytes } from 'node:crypto'
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
import { dateMs } from '../timers.ts'
import type { SyncReader } from './routine.ts'

/** Bytes that are written at a time. */
const BLOCK_BYTES = 1 << 24

/** Age from which a file of a process that is gone is removed, in milliseconds. */
const ORPHAN_MS = 60_000

/** Where files live in memory, on Linux. */
const MEMORY = '/dev/shm'

/**
 * Puts bytes in a file for FFmpeg to open, in memory where there is such a folder: 0.1 ms for a
 * clip. The callbacks of node-av 6.1, by which it could read memory, lose a buffer for each file,
 * keep the thread alive, and abort the process where it ends before them.
 *
 * @returns the path of a file that nobody else can read
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

/** The path of a file that there is not yet, in memory where there is such a folder. */
export function spillPath(): string {
  return join(folder(), `spindle-${process.pid}-${randomBytes(12).toString('hex')}`)
}

/** Has such a file removed when the program ends before it is. */
export function removeAtExit(path: string): void {
  if (atExit.size === 0) process.on('exit', removeAll)
  atExit.add(path)
}

/** Removes such a file, if it is still there. */
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
    // Another system.
  }
  removeOrphans(found)
  return found
}

/**
 * Removes what processes left behind that were killed. One that just began may be of another
 * container, where its process lives.
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
    // Somebody else's, or it has gone meanwhile.
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
