import { readFileSync, statSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { MediaError, mediaError } from '../../errors.ts'
import { writeFileAtomically, writeFileAtomicallySync } from '../../file/atomic-file.ts'
import { describeSource, type MediaSource } from '../../source.ts'
import { isFile } from '../archive-source.ts'
import { explainFetch } from '../pieces.ts'
import { type ArchiveIdentity, parseIndex } from './index-file.ts'
import type { TarMembers } from './members.ts'
import type { TarIndexOptions } from './options.ts'

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

/** The index that is there, if it is that of the archive. @throws MediaError `ERR_READ`, `ERR_STALE_INDEX` */
export async function loadIndex(
  indexFile: string | URL,
  identity: ArchiveIdentity,
  { ifStale = 'rebuild', signal }: TarIndexOptions,
): Promise<TarMembers | undefined> {
  const text = await readText(indexFile, signal)
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

async function readText(
  indexFile: string | URL,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  if (isFile(indexFile)) {
    try {
      return await readFile(indexFile, 'utf8')
    } catch (error) {
      return missing(error, indexFile)
    }
  }
  try {
    const response = await fetch(indexFile, signal === undefined ? {} : { signal })
    if (response.ok) return await response.text()
    await response.body?.cancel()
    return undefined
  } catch (error) {
    signal?.throwIfAborted()
    throw mediaError('ERR_READ', describeSource(indexFile), explainFetch(error))
  }
}

function missing(error: unknown, indexFile: string | URL): undefined {
  if ((error as { code?: string }).code === 'ENOENT') return undefined
  throw mediaError('ERR_READ', describeSource(indexFile), error)
}

/** Writes an index, whole or not at all. @throws MediaError `ERR_WRITE` */
export async function saveIndex(indexFile: string | URL, isDefault: boolean, text: string): Promise<void> {
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
    text = readFileSync(indexFile, 'utf8')
  } catch (error) {
    text = missing(error, indexFile)
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
