import { createHash } from 'node:crypto'
import { type FindObjectsOptions, type FoundObject, findObjects } from '../store/find-objects.ts'
import { identifyObjects } from '../store/identify-objects.ts'

/** A file of records. */
export interface RecordFile extends FoundObject {
  /** What identifies its content. */
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
  const identities = await identifyObjects(objects, options.signal)
  return objects.map((object, at) => ({
    ...object,
    identity: identities[at] as string,
    count: undefined,
  }))
}

/** A digest of names and contents of all files, in order. */
export function digestOf(files: readonly RecordFile[]): string {
  const hash = createHash('sha256')
  for (const { name, identity } of files) hash.update(JSON.stringify([name, identity]))
  return hash.digest('hex').slice(0, 16)
}
