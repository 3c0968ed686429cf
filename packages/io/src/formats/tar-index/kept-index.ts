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
import type { TarIndexOptions } from './tar-index-options.ts'

/**
 * Where the index of an archive is kept; false for nowhere. Of an archive on a web server it is
 * looked for beside the archive, as it is published there.
 */
export function placeOfIndex(
  source: MediaSource,
  { indexFile }: TarIndexOptions,
  modified: unknown,
): string | URL | false {
  if (typeof indexFile === 'string' && /^https?:\/\//i.test(indexFile)) return new URL(indexFile)
  if (indexFile !== undefined) return indexFile
  if (source instanceof URL && /^https?:$/.test(source.protocol)) {
    const beside = new URL(source)
    beside.pathname += '.index.json'
    return beside
  }
  if (!isFile(source) || modified === null) return false
  return `${typeof source === 'string' ? source : fileURLToPath(source)}.index.json`
}

/**
 * Modification time of a regular file, in milliseconds. Errors are left to the code that opens it.
 */
export async function modifiedAt(path: string | URL): Promise<number | null> {
  const stats = await stat(path).catch(() => undefined)
  return stats?.isFile() === true ? stats.mtimeMs : null
}

/**
 * The text of a saved index; `undefined` if there is none.
 *
 * @throws MediaError `ERR_READ`
 */
export async function loadIndex(
  indexFile: string | URL,
  options: TarIndexOptions,
): Promise<string | undefined> {
  const isAsked = options.indexFile !== undefined || isFile(indexFile)
  if (isAsked) return await readSource(indexFile, fetchingOf(options)).then(String, missing)
  // Nobody has said that it is there: one attempt, and any failure means that it is not. Some web
  // servers answer with a page where there is no file.
  const { maxBytes: _, ...fetching } = fetchingOf(options)
  const text = await readSource(indexFile, { ...fetching, retries: 0 }).then(String, () => {
    options.signal?.throwIfAborted()
  })
  return text?.startsWith('{') === true ? text : undefined
}

/** @throws MediaError `ERR_STALE_INDEX` with `ifStale: 'refuse'` */
export function refuseStale(
  problem: string,
  indexFile: string | URL | false,
  { ifStale = 'rebuild' }: TarIndexOptions,
): void {
  if (ifStale === 'rebuild' || indexFile === false) return
  const name = describeSource(indexFile)
  throw new MediaError('ERR_STALE_INDEX', `${name}: ${problem}`, { source: name })
}

/** A missing index is built again. */
function missing(error: unknown): undefined {
  const { cause } = error as Error
  const { code } = (cause ?? {}) as { code?: string }
  if (code === 'ENOENT' || (cause instanceof HttpError && (cause.status ?? 0) >= 400))
    return undefined
  throw error
}

/**
 * Writes an index file, whole or not at all.
 *
 * @throws MediaError `ERR_WRITE`
 */
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

/** An unwritable folder is an error only if the user asked for the file. */
function refuse(error: unknown, isDefault: boolean): void {
  const { code } = ((error as Error).cause ?? {}) as { code?: string }
  if (!isDefault || !['EACCES', 'EPERM', 'EROFS'].includes(code ?? '')) throw error
}

/** The synchronous form of {@link modifiedAt}. */
export function modifiedAtSync(path: string | URL): number | null {
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats?.isFile() === true ? stats.mtimeMs : null
}

/** The synchronous form of {@link loadIndex}, for files. */
export function loadIndexSync(indexFile: string | URL): string | undefined {
  try {
    return readSourceSync(indexFile).toString()
  } catch (error) {
    return missing(withSource(error, describeSource(indexFile)))
  }
}

/** The synchronous form of {@link saveIndex}. */
export function saveIndexSync(indexFile: string | URL, isDefault: boolean, text: string): void {
  try {
    writeFileAtomicallySync(indexFile, (writer) => writer.write([Buffer.from(text)]))
  } catch (error) {
    refuse(error, isDefault)
  }
}
