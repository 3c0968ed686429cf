import { locateObject, type ObjectPlace, type ObjectStore } from 'spindle/source'
import type { UrlOptions } from './url-options.ts'

/** Schemes of URLs that stand for objects of a store. */
const STORED = /^(?:s3|gs|az|hf):/i

/** A source and the options to read it with, without a store. */
export interface Placed<S, O> {
  readonly source: S | string | URL
  readonly options: O
}

/**
 * Where a source of a store lies: a name in `store`, or a URL of a store, becomes a path or a URL
 * with headers and a function that makes requests. Any other source stays as it is.
 *
 * @throws `ERR_BAD_OPTION` for a name that the store refuses
 */
export function placed<S, O extends UrlOptions>(source: S, options: O): Placed<S, O> {
  if (options.store === undefined && !isStored(source)) return { source, options }
  const { store, ...others } = options
  if (!isName(source, store)) return { source, options: others as unknown as O }
  const place = placeIn(source, options)
  if ('path' in place) return { source: place.path, options: others as unknown as O }
  const { url, headers, fetch } = place
  return {
    source: url,
    options: { ...others, headers: { ...headers, ...options.headers }, fetch } as unknown as O,
  }
}

/** {@link placed} of several sources, which may lie in several stores. */
export function allPlaced<S, O extends UrlOptions>(
  sources: readonly S[],
  options: O,
): { readonly sources: readonly (S | string | URL)[]; readonly options: O } {
  if (options.store === undefined && !sources.some(isStored)) return { sources, options }
  const all = sources.map((source) => placed(source, options))
  const { store: _, ...others } = options
  const ofUrl = new Map<string, UrlOptions>()
  for (const { source, options: own } of all)
    if (source instanceof URL && own.fetch !== undefined) ofUrl.set(source.href, own)
  const request: typeof fetch = (input, init) => {
    const own = ofUrl.get(String(input))
    const headers = { ...own?.headers, ...(init?.headers as Record<string, string>) }
    return (own?.fetch ?? options.fetch ?? fetch)(input, { ...init, headers })
  }
  const placedOptions = ofUrl.size === 0 ? others : { ...others, fetch: request }
  return { sources: all.map(({ source }) => source), options: placedOptions as unknown as O }
}

function placeIn(source: string | URL, { store, headers, fetch }: UrlOptions): ObjectPlace {
  const object = locateObject(source, {
    ...(store !== undefined && { store }),
    ...(headers !== undefined && { headers }),
    ...(fetch !== undefined && { fetch }),
  })
  return object.store.place(object.name)
}

function isOpen(store: UrlOptions['store']): store is ObjectStore {
  return typeof (store as Partial<ObjectStore> | undefined)?.place === 'function'
}

function isStored(source: unknown): boolean {
  return source instanceof URL && STORED.test(source.protocol)
}

/**
 * Whether a source is the name or the URL of an object. Without an open store, a text is a path.
 */
function isName(source: unknown, store: UrlOptions['store']): source is string | URL {
  if (source instanceof URL) {
    if (isStored(source)) return true
    const isWeb = /^https?:$/.test(source.protocol)
    return isWeb && (!isOpen(store) || source.href.startsWith(store.url))
  }
  if (typeof source !== 'string' || source === '') return false
  return isOpen(store) || STORED.test(source)
}
