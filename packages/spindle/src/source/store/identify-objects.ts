import { createHash } from 'node:crypto'
import { notFoundError } from './check-object.ts'
import type { FoundObject } from './find-objects.ts'

/** Bytes at the start and at the end that identify a local file. */
const SAMPLE = 1 << 16
/** Objects that are looked at at the same time. */
const LANES = 16

/**
 * A short text for each object that changes when its content does: size and version; of a local
 * file, size and a digest of 64 KiB at both ends, because its time changes when it is copied.
 *
 * @throws `ERR_NOT_FOUND`; errors of the stores
 */
export async function identifyObjects(
  objects: readonly FoundObject[],
  signal?: AbortSignal,
): Promise<string[]> {
  const identities: string[] = []
  const lanes = Array.from({ length: Math.min(LANES, objects.length) }, async (_, lane) => {
    for (let at = lane; at < objects.length; at += LANES)
      identities[at] = await identityOf(objects[at] as FoundObject, signal)
  })
  await Promise.all(lanes)
  return identities
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
  const hash = createHash('sha256')
  hash.update(await store.read(name, { ...call, range: [0, Math.min(size, SAMPLE)] }))
  if (size > SAMPLE)
    hash.update(await store.read(name, { ...call, range: [Math.max(SAMPLE, size - SAMPLE), size] }))
  return `${size} ${hash.digest('hex').slice(0, 16)}`
}
