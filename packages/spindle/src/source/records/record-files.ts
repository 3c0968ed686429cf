import { createHash } from 'node:crypto'
import { notFoundError } from '../store/check-object.ts'
import { type FindObjectsOptions, type FoundObject, findObjects } from '../store/find-objects.ts'

/** Bytes at the start and at the end that identify a local file. */
const SAMPLE = 1 << 16
/** Files that are looked at at the same time. */
const LANES = 16

/** A file of records. */
export interface RecordFile extends FoundObject {
  /** Size and version, or size and a digest of both ends of a local file. */
  readonly identity: string
  /** Number of records, as soon as they were counted. */
  count: number | undefined
}

/** Finds the files, and what identifies their contents. */
export async function recordFiles(
  patterns: string | URL | readonly (string | URL)[],
  options: FindObjectsOptions,
): Promise<RecordFile[]> {
  const objects = await findObjects(patterns, options)
  const files: RecordFile[] = []
  const lanes = Array.from({ length: Math.min(LANES, objects.length) }, async (_, lane) => {
    for (let at = lane; at < objects.length; at += LANES) {
      const object = objects[at] as FoundObject
      files[at] = {
        ...object,
        identity: await identityOf(object, options.signal),
        count: undefined,
      }
    }
  })
  await Promise.all(lanes)
  return files
}

/** A digest of names and contents of all files, in order. */
export function digestOf(files: readonly RecordFile[]): string {
  const hash = createHash('sha256')
  for (const { name, identity } of files) hash.update(JSON.stringify([name, identity]))
  return hash.digest('hex').slice(0, 16)
}

async function identityOf(
  { store, name, info }: FoundObject,
  signal: AbortSignal | undefined,
): Promise<string> {
  const call = signal === undefined ? {} : { signal }
  const known = info ?? (await store.head(name, call))
  if (known === undefined) throw notFoundError(store.url, name)
  const { size, version } = known
  if (!('path' in store.place(name))) return `${size} ${version ?? ''}`
  // The time of a local file changes when it is copied, so its contents are looked at.
  const hash = createHash('sha256')
  hash.update(await store.read(name, { ...call, range: [0, Math.min(size, SAMPLE)] }))
  if (size > SAMPLE)
    hash.update(await store.read(name, { ...call, range: [Math.max(SAMPLE, size - SAMPLE), size] }))
  return `${size} ${hash.digest('hex').slice(0, 16)}`
}
