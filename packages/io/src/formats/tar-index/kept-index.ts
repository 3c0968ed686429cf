import { statSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { HttpError } from 'spindle/source'
import { MediaError, withSource } from '../../base/errors.ts'
import { writeFileAtomically, writeFileAtomicallySync } from '../../files/atomic-file.ts'
import { readSourceSync } from '../../files/read-source-sync.ts'
import { describeSource, type MediaSource } from '../../files/source.ts'
import { readSource } from '../../files/source-bytes.ts'
import { fetchingOf } from '../../files/url-options.ts'
import { isFile } from '../archive/archive-source.ts'
import { type ArchiveIdentity, parseIndex } from './index-file.ts'
import type { TarMembers } from './index-members.ts'
import type { TarIndexOptions } from './tar-index-options.ts'

/** Where the index of an archive is kept, if anywhere. */
export function placeOfIndex(
  source: MediaSource,
  { indexFile }: TarIndexOptions,
  modified: unknown,
): string | URL | false {
  if (indexFile !== undefined) return indexFile
  if (!isFile(source) || modified === null) return false
  return `${typeof source === 'string' ? source : fileURLToPath(source)}.index.json`
}

/** When a regular file was changed. Faults are told by who opens it. */
export async function modifiedAt(path: string | URL): Promise<number | null> {
  const stats = await stat(path).catch(() => undefined)
  return stats?.isFile() === true ? stats.mtimeMs : null
}

/**
 * The index that is there, if it is that of the archive. @throws MediaError `ERR_READ`,
 * `ERR_STALE_INDEX`
 */
export async function loadIndex(
  indexFile: string | URL,
  identity: ArchiveIdentity,
  options: TarIndexOptions,
): Promise<TarMembers | undefined> {
  const { ifStale = 'rebuild' } = options
  const text = await readSource(indexFile, fetchingOf(options)).then(String, missing)
  return text === undefined ? undefined : accept(text, indexFile, identity, ifStale)
}

function accept(
  text: string,
  indexFile: string | URL,
  identity: ArchiveIdentity,
  ifStale: 'rebuild' | 'refuse',
): TarMembers | undefined {
  const members = parseIndex(text, identity)
  if (typeof members !== 'string') return members
  if (ifStale === 'rebuild') return undefined
  const name = describeSource(indexFile)
  throw new MediaError('ERR_STALE_INDEX', `${name}: ${members}`, { source: name })
}

/** An index that is not there is made anew. */
function missing(error: unknown): undefined {
  const { cause } = error as Error
  const { code } = (cause ?? {}) as { code?: string }
  if (code === 'ENOENT' || (cause instanceof HttpError && (cause.status ?? 0) >= 400))
    return undefined
  throw error
}

/** Writes an index, whole or not at all. @throws MediaError `ERR_WRITE` */
export async function saveIndex(
  indexFile: string | URL,
  isDefault: boolean,
  text: string,
): Promise<void> {
  if (!isFile(indexFile)) return
  try {
    await writeFileAtomically(indexFile, async (writer) => writer.write([Buffer.from(text)]))
  } catch (error) {
    refuse(error, isDefault)
  }
}

/** A folder that cannot be written to is no fault where nobody asked for the file. */
function refuse(error: unknown, isDefault: boolean): void {
  const { code } = ((error as Error).cause ?? {}) as { code?: string }
  if (!isDefault || !['EACCES', 'EPERM', 'EROFS'].includes(code ?? '')) throw error
}

/** {@link modifiedAt}, done when it returns. */
export function modifiedAtSync(path: string | URL): number | null {
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats?.isFile() === true ? stats.mtimeMs : null
}

/** {@link loadIndex} of a file, done when it returns. */
export function loadIndexSync(
  indexFile: string | URL,
  identity: ArchiveIdentity,
  { ifStale = 'rebuild' }: TarIndexOptions,
): TarMembers | undefined {
  let text: string | undefined
  try {
    text = readSourceSync(indexFile).toString()
  } catch (error) {
    text = missing(withSource(error, describeSource(indexFile)))
  }
  return text === undefined ? undefined : accept(text, indexFile, identity, ifStale)
}

/** {@link saveIndex}, done when it returns. */
export function saveIndexSync(indexFile: string | URL, isDefault: boolean, text: string): void {
  try {
    writeFileAtomicallySync(indexFile, (writer) => writer.write([Buffer.from(text)]))
  } catch (error) {
    refuse(error, isDefault)
  }
}
