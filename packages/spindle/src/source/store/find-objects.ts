import { badOption } from '../../check.ts'
import { options as declare, func, object, type RulesOf, signal } from '../../options/index.ts'
import { expandBraces } from '../files/expand-braces.ts'
import { matcherOf } from '../files/glob.ts'
import { notFoundError } from './check-object.ts'
import type { ObjectInfo, ObjectStore } from './object-store.ts'
import { openStore } from './open-store.ts'
import type { StoreOptions } from './store-options.ts'

/** Options of {@link findObjects}. */
export interface FindObjectsOptions {
  /**
   * The store in which the names lie, or options of the stores that URLs and paths stand for.
   */
  readonly store?: ObjectStore | StoreOptions
  /** Headers of each request to stores that are not open yet. */
  readonly headers?: Readonly<Record<string, string>>
  /** Function that makes requests to stores that are not open yet. Default: `fetch`. */
  readonly fetch?: typeof fetch
  /** Aborts; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/** The rules of {@link FindObjectsOptions}. */
export const findRules: RulesOf<FindObjectsOptions> = {
  store: object({ isSecret: true }),
  headers: object({ isSecret: true }),
  fetch: func(),
  signal: signal(),
}
const findOptions = declare('FindObjectsOptions', findRules)

/** The options of finding among those of a reader. */
function findingOf({ store, headers, fetch, signal }: FindObjectsOptions): FindObjectsOptions {
  return { store, headers, fetch, signal } as FindObjectsOptions
}

/** An object that a name or a pattern stands for. */
export interface FoundObject {
  readonly store: ObjectStore
  readonly name: string
  /** What a list said about it; `undefined` for a name without a pattern. */
  readonly info: ObjectInfo | undefined
}

/** Names asked for at the same time. */
const LANES = 16

/**
 * Finds the objects that names and patterns stand for, in the order of the patterns, those of one
 * pattern by name. Strings may have braces (`train-{000..099}.tar`), and `*`, `?`, `[a-z]` and
 * `**` as `listFiles` has them.
 *
 * @param patterns paths and URLs that `openStore` takes, or names in `store`
 * @throws `ERR_BAD_OPTION`; `ERR_NOT_FOUND` for a pattern that no object matches; errors of the
 *   store
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { findObjects } from 'spindle/source'
 *
 * const found = await findObjects('packages/{io,spindle}/package.js*')
 * assert.deepEqual(found.map(({ name }) => name), ['package.json', 'package.json'])
 * ```
 */
export async function findObjects(
  patterns: string | URL | readonly (string | URL)[],
  options: FindObjectsOptions = {},
): Promise<FoundObject[]> {
  findOptions.check(findingOf(options))
  const list: readonly unknown[] = Array.isArray(patterns) ? patterns : [patterns]
  if (list.length === 0) badOption('files', 'a path, a URL, or an array of at least one', patterns)
  const places = list.flatMap((pattern) => placesOf(pattern, options))
  const found: FoundObject[][] = []
  const lanes = Array.from({ length: Math.min(LANES, places.length) }, async (_, lane) => {
    for (let at = lane; at < places.length; at += LANES)
      found[at] = await objectsAt(places[at] as Place, options.signal)
  })
  await Promise.all(lanes)
  return found.flat()
}

interface Place {
  readonly store: ObjectStore
  readonly name: string
  readonly isPattern: boolean
}

function placesOf(pattern: unknown, options: FindObjectsOptions): Place[] {
  if (pattern instanceof URL) return [placeOf(pattern.href, options, false)]
  if (typeof pattern !== 'string' || pattern === '')
    return badOption('files', 'made of paths, names and URLs', pattern)
  return expandBraces(pattern).map((name) => placeOf(name, options, /[*?[]/.test(pathOf(name))))
}

/** The part of a URL in which patterns may be; of a web server's, the `?` begins a query. */
function pathOf(name: string): string {
  return /^https?:/.test(name) ? name.replace(/\?.*$/, '') : name
}

/**
 * The object that one path, URL or name stands for. Nothing is read.
 *
 * @param place a path or URL that `openStore` takes, or a name in `store`
 * @throws `ERR_BAD_OPTION`
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { locateObject } from 'spindle/source'
 *
 * const { store, name } = locateObject('s3://bucket/cats/1.jpg')
 * assert.deepEqual([store.url, name], ['s3://bucket/cats/', '1.jpg'])
 * ```
 */
export function locateObject(
  place: string | URL,
  options: Omit<FindObjectsOptions, 'signal'> = {},
): FoundObject {
  if (!(place instanceof URL) && (typeof place !== 'string' || place === ''))
    badOption('place', 'a path, a name or a URL', place)
  const { isPattern: _, ...object } = placeOf(String(place), options, false)
  return { ...object, info: undefined }
}

function placeOf(
  text: string,
  { store: given, headers, fetch }: FindObjectsOptions,
  isPattern: boolean,
): Place {
  if (isStore(given)) {
    const store = given
    const prefix = `${store.url.replace(/\/$/, '')}/`
    const name = text.startsWith(prefix) ? text.slice(prefix.length) : text
    return { store, name, isPattern }
  }
  const store = {
    ...(headers !== undefined && { headers }),
    ...(fetch !== undefined && { fetch }),
    ...given,
  }
  // The store is the folder in front of the first pattern.
  const plain = isPattern ? text.slice(0, text.search(/[*?[]/)) : text
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(text)) {
    const slash = plain.lastIndexOf('/')
    const url = new URL(text.slice(0, slash + 1))
    if (!isPattern && /^https?:/.test(text)) {
      // The query may be a signature, which belongs to the whole URL.
      const whole = new URL(text)
      const name = decoded(whole.pathname.slice(whole.pathname.lastIndexOf('/') + 1))
      whole.pathname = whole.pathname.slice(0, whole.pathname.lastIndexOf('/') + 1)
      return { store: openStore(whole, store), name, isPattern }
    }
    return { store: openStore(url, store), name: decoded(text.slice(slash + 1)), isPattern }
  }
  const slash = Math.max(
    plain.lastIndexOf('/'),
    process.platform === 'win32' ? plain.lastIndexOf('\\') : -1,
  )
  const folder = slash === -1 ? '.' : text.slice(0, slash + 1)
  return { store: openStore(folder, store), name: text.slice(slash + 1), isPattern }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function isStore(store: FindObjectsOptions['store']): store is ObjectStore {
  return typeof (store as Partial<ObjectStore> | undefined)?.createIfAbsent === 'function'
}

async function objectsAt(
  { store, name, isPattern }: Place,
  signal: AbortSignal | undefined,
): Promise<FoundObject[]> {
  if (!isPattern) return [{ store, name, info: undefined }]
  const matcher = matcherOf(name)
  const found: FoundObject[] = []
  const prefix = name.slice(0, name.search(/[*?[]/))
  for await (const info of store.list(prefix, signal === undefined ? {} : { signal }))
    if (matcher.test(info.name)) found.push({ store, name: info.name, info })
  if (found.length === 0) throw notFoundError(store.url, name)
  return found
}
