import { hostname } from 'node:os'
import { SpindleError } from '../errors.ts'
import { plain } from '../plain-text.ts'
import type { ObjectStore } from '../source/store/object-store.ts'

const LOCK = '_spindle/writer.json'
/** Files that this process writes. A number of a process is used again, in containers at once. */
const own = new Set<string>()

/**
 * Notes that this process writes a file, unless another one on this machine does.
 *
 * @returns the function that ends it
 * @throws `ERR_CHECKPOINT_TAKEN`
 */
export async function lockWriter(place: ObjectStore, path: string): Promise<() => Promise<void>> {
  const holder = (await place.head(LOCK)) && parse(String(await place.read(LOCK)))
  if (own.has(place.url) || (holder !== undefined && isAlive(holder)))
    throw new SpindleError(
      'ERR_CHECKPOINT_TAKEN',
      `${plain(path)} is being written by process ${holder?.pid ?? process.pid}: wait until it has ended (the note is ${plain(place.url)}/${LOCK})`,
    )
  own.add(place.url)
  try {
    await place.create(LOCK, JSON.stringify({ pid: process.pid, host: hostname() }))
  } catch (error) {
    own.delete(place.url)
    throw error
  }
  return async () => {
    own.delete(place.url)
    await place.delete(LOCK).catch(() => {})
  }
}

interface Holder {
  readonly pid: number
  readonly host: string
}

function parse(text: string): Holder | undefined {
  try {
    const { pid, host } = JSON.parse(text) as Partial<Holder>
    return Number.isSafeInteger(pid) && typeof host === 'string'
      ? { pid: pid as number, host }
      : undefined
  } catch {
    return undefined
  }
}

function isAlive({ pid, host }: Holder): boolean {
  if (host !== hostname() || pid === process.pid) return false
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
