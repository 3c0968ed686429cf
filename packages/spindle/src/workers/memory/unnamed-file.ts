import {
  closeSync,
  constants,
  openSync,
  readdirSync,
  readSync,
  statfsSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodeCrypto } from '../../builtins.ts'

/**
 * Linux only, where the number is the same on every platform that Node runs on. A directory is
 * opened, so the directory flag is part of it.
 */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY
const SHARED_MEMORY = '/dev/shm'
const PREFIX = 'spindle-'
const ENDING = '.slots'

/**
 * Opens a file without a name, so that nothing of it is left when the last process that holds it
 * has ended, however it ended. The file is in memory (`/dev/shm`) if `bytes` are free there, and in
 * `folder` otherwise.
 *
 * Where a file cannot be made without a name, it gets one that is removed at once. If the process
 * dies between the two, an empty file remains, which the next call removes.
 */
export function openUnnamedFile(bytes: number, folder: string = tmpdir()): number {
  if (process.platform === 'linux') {
    for (const directory of hasRoom(SHARED_MEMORY, bytes) ? [SHARED_MEMORY, folder] : [folder]) {
      try {
        return openSync(directory, O_TMPFILE | constants.O_RDWR, 0o600)
        // old kernel, unsuitable file system, no such directory, or no permission: the next one may
        // work
      } catch {}
    }
  }
  return openAndUnlink(folder)
}

/** For systems that cannot make a file without a name. */
export function openAndUnlink(folder: string): number {
  sweep(folder)
  const path = join(
    folder,
    `${PREFIX}${process.pid}-${nodeCrypto().randomBytes(8).toString('hex')}${ENDING}`,
  )
  const fd = openSync(path, 'wx+', 0o600)
  try {
    tryUnlink(path)
  } catch (error) {
    closeSync(fd)
    throw error
  }
  return fd
}

/**
 * Removes files of processes that have ended. This is always safe: a process that uses such a file
 * has it open and does not need its name.
 */
function sweep(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(PREFIX) || !name.endsWith(ENDING)) continue
    const pid = Number.parseInt(name.slice(PREFIX.length), 10)
    if (Number.isInteger(pid) && !isAlive(pid)) tryUnlink(join(folder, name))
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function tryUnlink(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // Another process has removed it, or it belongs to another user.
    if (code !== 'ENOENT' && code !== 'EPERM' && code !== 'EACCES') throw error
  }
}

function hasRoom(directory: string, bytes: number): boolean {
  try {
    const { bavail, bsize } = statfsSync(directory)
    return bavail * bsize >= bytes
  } catch {
    return false
  }
}

/** Fills `bytes` from a file, which must have that many bytes. */
export function readFully(file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.byteLength; ) {
    const count = readSync(file, bytes, done, bytes.byteLength - done, position + done)
    if (count === 0)
      throw new Error(
        `a shared file ends at ${position + done}, before the data that it should hold`,
      )
    done += count
  }
}

/** Writes all of `bytes`. */
export function writeFully(file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.byteLength; )
    done += writeSync(file, bytes, done, bytes.byteLength - done, position + done)
}
