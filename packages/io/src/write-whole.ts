import { randomBytes } from 'node:crypto'
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { rename, rm, writeFile } from 'node:fs/promises'
import { MediaError } from './errors.ts'

/**
 * Writes a file so that it is there as a whole or not at all: under another name in the same folder, which is then changed.
 *
 * @throws MediaError `ERR_WRITE`
 */
export async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const unfinished = unfinishedName(path)
  try {
    await writeFile(unfinished, bytes, { flag: 'wx' })
    await rename(unfinished, path)
  } catch (error) {
    await rm(unfinished, { force: true })
    throw writeError(path, error)
  }
}

/** The same, at once. @throws MediaError `ERR_WRITE` */
export function writeWholeSync(path: string, bytes: Uint8Array): void {
  const unfinished = unfinishedName(path)
  try {
    writeFileSync(unfinished, bytes, { flag: 'wx' })
    renameSync(unfinished, path)
  } catch (error) {
    rmSync(unfinished, { force: true })
    throw writeError(path, error)
  }
}

function unfinishedName(path: string): string {
  return `${path}.${randomBytes(6).toString('hex')}.tmp`
}

function writeError(path: string, error: unknown): MediaError {
  return new MediaError('ERR_WRITE', `${path}: ${(error as Error).message}`, { source: path, cause: error })
}
