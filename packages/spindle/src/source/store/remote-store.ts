import { badOption } from '../../check.ts'
import { SpindleError } from '../../errors.ts'
import { HttpError } from '../http/http-error.ts'
import { readAhead } from '../http/read-ahead.ts'
import { readUrl } from '../http/read-url.ts'
import { RemoteFile } from '../http/remote-file.ts'
import { streamUrl } from '../http/stream-url.ts'
import { checkObjectName, checkPrefix, checkRange, notFoundError } from './check-object.ts'
import { createObject, isCreated } from './create-object.ts'
import type {
  ObjectInfo,
  ObjectPlace,
  ObjectStore,
  ObjectWriter,
  StoreCallOptions,
  StoreReadOptions,
  StoreWriteOptions,
} from './object-store.ts'
import { faultOf, send } from './send.ts'
import type { RequestPlan } from './store-options.ts'
import type { ListPage } from './xml-list.ts'

/**
 * A store on a server that is reached by HTTP. Reads are the same for all of them: a URL for each
 * name, ranges, and transfers that continue. Subclasses know the URLs, the lists and the writes.
 */
export abstract class RemoteStore implements ObjectStore {
  readonly url: string
  protected readonly plan: RequestPlan

  constructor(url: string, plan: RequestPlan) {
    this.url = url
    this.plan = plan
  }

  /** URL of an object. */
  protected abstract urlOf(name: string): URL

  /** One page of the names that begin with a prefix. */
  protected abstract page(
    prefix: string,
    token: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<ListPage>

  abstract writer(name: string, options?: StoreWriteOptions): ObjectWriter

  place(name: string): ObjectPlace {
    checkObjectName(name)
    const { headers, readFetch: fetch } = this.plan
    return { url: this.urlOf(name), headers, fetch }
  }

  async head(name: string, options: StoreCallOptions = {}): Promise<ObjectInfo | undefined> {
    checkObjectName(name)
    const url = this.urlOf(name)
    const request = { method: 'HEAD', url, signal: options.signal, accept: [404] } as const
    const { status, headers } = await send(request, this.plan)
    if (status === 404) return undefined
    const size = Number(headers.get('content-length') ?? Number.NaN)
    if (!Number.isSafeInteger(size)) throw faultOf(request, 'the server does not send the size')
    return infoFrom(name, size, headers)
  }

  async read(name: string, options: StoreReadOptions = {}): Promise<Buffer> {
    checkObjectName(name)
    checkRange(options.range, Number.POSITIVE_INFINITY)
    if (options.range !== undefined && options.range[0] === options.range[1]) return Buffer.alloc(0)
    const { range, signal } = options
    try {
      return await readUrl(this.urlOf(name), {
        ...this.#readOptions(signal),
        maxBytes: Number.POSITIVE_INFINITY,
        ...(range !== undefined && { range }),
      })
    } catch (error) {
      // A range behind the end has no bytes, as in a folder.
      if (range !== undefined && error instanceof HttpError && error.status === 416)
        return Buffer.alloc(0)
      throw this.#missing(name, error)
    }
  }

  async *stream(
    name: string,
    options: StoreReadOptions = {},
  ): AsyncGenerator<Uint8Array, void, void> {
    checkObjectName(name)
    const { range, signal } = options
    try {
      if (range !== undefined) {
        // One file for all of it, so that the bytes are of one version.
        const file = await RemoteFile.open(this.urlOf(name), this.#readOptions(signal))
        yield* readAhead(file, checkRange(range, file.size), READ_AHEAD_BYTES, signal)
        return
      }
      yield* streamUrl(this.urlOf(name), {
        ...this.#readOptions(signal),
        readAheadBytes: READ_AHEAD_BYTES,
      })
    } catch (error) {
      throw this.#missing(name, error)
    }
  }

  async *list(prefix = '', options: StoreCallOptions = {}): AsyncGenerator<ObjectInfo, void, void> {
    checkPrefix(prefix)
    let token: string | undefined
    do {
      const page: ListPage = await this.page(prefix, token, options.signal)
      yield* page.objects
      if (page.next !== undefined && page.next === token)
        throw new SpindleError('ERR_HTTP', `${this.url}: the server repeats a page of its list`)
      token = page.next
    } while (token !== undefined)
  }

  async create(
    name: string,
    bytes: Uint8Array | string,
    options: StoreWriteOptions = {},
  ): Promise<ObjectInfo> {
    return await createObject(this.writer(name, options), bytes)
  }

  async createIfAbsent(
    name: string,
    bytes: Uint8Array | string,
    options: StoreCallOptions = {},
  ): Promise<boolean> {
    return await isCreated(this.create(name, bytes, { ...options, ifAbsent: true }))
  }

  async discardUnfinished(_prefix: string): Promise<void> {}

  async delete(name: string, options: StoreCallOptions = {}): Promise<void> {
    checkObjectName(name)
    const url = this.urlOf(name)
    await send({ method: 'DELETE', url, signal: options.signal, accept: [404] }, this.plan)
  }

  #readOptions(signal: AbortSignal | undefined) {
    const { headers, readFetch: fetch, retries, timeoutMs, minDelayMs, maxDelayMs } = this.plan
    return {
      headers,
      fetch,
      retries,
      timeoutMs,
      minDelayMs,
      maxDelayMs,
      ...(signal !== undefined && { signal }),
    }
  }

  #missing(name: string, error: unknown): unknown {
    return error instanceof HttpError && error.status === 404
      ? notFoundError(this.url, name, error)
      : error
  }
}

/** What streams read ahead. */
const READ_AHEAD_BYTES = 32 * 1024 * 1024

/** What the headers of a response say about an object. */
export function infoFrom(name: string, size: number, headers: Headers): ObjectInfo {
  const modifiedMs = Date.parse(headers.get('last-modified') ?? '')
  return {
    name,
    size,
    version: headers.get('etag') ?? headers.get('last-modified') ?? undefined,
    modifiedMs: Number.isNaN(modifiedMs) ? undefined : modifiedMs,
  }
}

/** The path of an object's URL: each part of the name encoded, `/` kept. */
export function encodedPath(name: string): string {
  return name
    .split('/')
    .map((part) =>
      encodeURIComponent(part).replace(
        /[!'()*]/g,
        (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
      ),
    )
    .join('/')
}

/** A URL with a path appended. */
export function below(base: URL, path: string): URL {
  const url = new URL(base)
  url.pathname = `${base.pathname.replace(/\/$/, '')}/${path}`
  return url
}

/** Folder part of a store's URL: no slash at the start, one at the end unless it is empty. */
export function folderOf(pathname: string): string {
  let folder: string
  try {
    folder = decodeURIComponent(pathname).replace(/^\/+|\/+$/g, '')
  } catch {
    return badOption('url', 'with "%" written as "%25" in its path', pathname)
  }
  if (folder === '') return ''
  if (/(?:^|\/)(?:\.{0,2})(?:\/|$)/.test(folder))
    badOption('url', 'without empty parts, "." and ".." in its path', pathname)
  return `${folder}/`
}
