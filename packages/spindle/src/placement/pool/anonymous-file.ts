import { constants, mkdtempSync, openSync, readSync, rmdirSync, unlinkSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Where files live in memory, if anywhere; else where temporary files do. */
const folders = ['/dev/shm', tmpdir()]

/** Linux: a file that never has a name. */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY

/**
 * Opens a file that no folder lists, for reading and writing, and gives its descriptor. It is gone when nobody has it open any more,
 * however those who had it ended. Child processes get it by their descriptors.
 */
export function openAnonymousFile(): number {
  let problem: unknown
  for (const folder of folders) {
    try {
      return process.platform === 'linux' ? openNameless(folder) : openUnlinked(folder)
    } catch (error) {
      problem = error
    }
  }
  throw problem
}

function openNameless(folder: string): number {
  try {
    return openSync(folder, O_TMPFILE | constants.O_RDWR, 0o600)
  } catch {
    // Not every file system has files without a name.
    return openUnlinked(folder)
  }
}

function openUnlinked(folder: string): number {
  const own = mkdtempSync(join(folder, 'spindle-'))
  const path = join(own, 'memory')
  try {
    const file = openSync(path, 'wx+', 0o600)
    unlinkSync(path)
    return file
  } finally {
    rmdirSync(own)
  }
}

/** Fills `bytes` from a file, which must have so much. */
export function readFully(file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.byteLength; ) {
    const count = readSync(file, bytes, done, bytes.byteLength - done, position + done)
    if (count === 0)
      throw new Error(`a shared file ends at ${position + done}, before the data that it should hold`)
    done += count
  }
}

/** Writes all of `bytes`. */
export function writeFully(file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.byteLength; )
    done += writeSync(file, bytes, done, bytes.byteLength - done, position + done)
}
