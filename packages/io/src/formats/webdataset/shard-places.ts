import {
  type FindObjectsOptions,
  type FoundObject,
  findObjects,
  identifyObjects,
} from 'spindle/source'
import type { MediaError } from '../../base/errors.ts'
import { openRanges } from '../../files/fetch.ts'
import type { Fetching } from '../../files/url-options.ts'

/** Where a shard lies, and how it is fetched. */
export interface ShardPlace {
  readonly place: string | URL
  readonly fetching: Fetching
  /** Name in its store. */
  readonly name: string
  /** What identifies its content, which takes a request. */
  identify(): Promise<string>
}

/** The shards that names, braces and patterns stand for. */
export async function shardPlaces(
  shards: string | URL | readonly (string | URL)[],
  store: FindObjectsOptions['store'],
  fetching: Fetching,
): Promise<ShardPlace[]> {
  const { signal, headers, fetch } = fetching
  const found = await findObjects(shards, {
    ...(store !== undefined && { store }),
    ...(headers !== undefined && { headers }),
    ...(fetch !== undefined && { fetch }),
    ...(signal !== undefined && { signal }),
  })
  return found.map((object) => placeOf(object, fetching))
}

function placeOf(object: FoundObject, fetching: Fetching): ShardPlace {
  const { store, name } = object
  const where = store.place(name)
  if ('path' in where) {
    const identify = async () => (await identifyObjects([object], fetching.signal))[0] as string
    return { place: where.path, fetching, name, identify }
  }
  const { url } = where
  const headers = { ...where.headers, ...fetching.headers }
  const stored = { ...fetching, headers, fetch: where.fetch }
  return { place: url, fetching: stored, name, identify: () => identityOf(url, stored) }
}

async function identityOf(url: URL, fetching: Fetching): Promise<string> {
  try {
    const { size, modified } = await openRanges(url, fetching)
    return `${size} ${modified ?? ''}`
  } catch (error) {
    // A server that sends no ranges can be streamed all the same.
    if ((error as Partial<MediaError>).code === 'ERR_UNSUPPORTED') return ''
    throw error
  }
}
