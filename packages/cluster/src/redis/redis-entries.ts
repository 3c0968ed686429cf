import { randomBytes } from 'node:crypto'
import type { Redis } from 'ioredis'
import { importPeer } from '../engines/import-peer.ts'
import { retryCall } from '../engines/retry-call.ts'
import type { ServerPlace } from '../engines/server-url.ts'
import type { EntryCallOptions, EntryStore } from '../entries/entry-store.ts'

/** Bytes before each text that change with every write. */
const VERSION_LENGTH = 8
const TIMEOUT_MS = 5000

/**
 * Entries in Redis or Valkey: a hash for each folder, a field for each name. `HSETNX` decides.
 *
 * Redis must write each change to disk before it answers (`appendfsync always`), otherwise its
 * crash can forget what it has confirmed.
 */
export class RedisEntries implements EntryStore {
  readonly url: string
  readonly #client: Redis
  readonly #prefix: string

  constructor(client: Redis, place: ServerPlace) {
    this.#client = client
    this.url = place.shown
    // In braces, so that all keys of a ledger are in one slot of a Redis cluster.
    this.#prefix = `spindle:{${place.name}}:`
  }

  async createIfAbsent(name: string, text: string, options?: EntryCallOptions): Promise<boolean> {
    const [folder, field] = this.#split(name)
    const value = withVersion(text)
    return (await this.#call(() => this.#client.hsetnx(folder, field, value), options)) === 1
  }

  async put(name: string, text: string, options?: EntryCallOptions): Promise<void> {
    const [folder, field] = this.#split(name)
    const value = withVersion(text)
    await this.#call(() => this.#client.hset(folder, field, value), options)
  }

  async read(name: string, options?: EntryCallOptions): Promise<string | undefined> {
    return (await this.#value(name, options))?.slice(VERSION_LENGTH)
  }

  async version(name: string, options?: EntryCallOptions): Promise<string | undefined> {
    return (await this.#value(name, options))?.slice(0, VERSION_LENGTH)
  }

  async *list(prefix: string, options?: EntryCallOptions): AsyncGenerator<string, void, void> {
    const [folder] = this.#split(prefix)
    for (const field of await this.#call(() => this.#client.hkeys(folder), options))
      yield `${prefix}${field}`
  }

  async delete(name: string, options?: EntryCallOptions): Promise<void> {
    const [folder, field] = this.#split(name)
    await this.#call(() => this.#client.hdel(folder, field), options)
  }

  async close(): Promise<void> {
    this.#client.disconnect()
  }

  async #value(name: string, options?: EntryCallOptions): Promise<string | undefined> {
    const [folder, field] = this.#split(name)
    return (await this.#call(() => this.#client.hget(folder, field), options)) ?? undefined
  }

  #call<T>(call: () => Promise<T>, options?: EntryCallOptions): Promise<T> {
    return retryCall(this.url, call, isTransient, options)
  }

  #split(name: string): [folder: string, field: string] {
    const end = name.lastIndexOf('/') + 1
    return [this.#prefix + name.slice(0, end), name.slice(end)]
  }
}

/** Connects to Redis or Valkey. @throws `ERR_BACKEND_MISSING`, `ERR_LEDGER` */
export async function connectRedis(place: ServerPlace): Promise<Redis> {
  const { Redis } = await importPeer('ioredis', 'Redis', () => import('ioredis'))
  const client = new Redis(place.connection, {
    lazyConnect: true,
    commandTimeout: TIMEOUT_MS,
    maxRetriesPerRequest: null,
    retryStrategy: (tries) => Math.min(1000, 50 * tries),
  })
  // Each call says itself that it failed.
  client.on('error', () => undefined)
  return client
}

function withVersion(text: string): string {
  return randomBytes(6).toString('base64url') + text
}

/** A server that starts answers `LOADING`; one that was stopped closes the connection. */
export function isTransient(error: unknown): boolean {
  const { name, message = '' } = error as Error
  if (/^(?:WRONGPASS|NOAUTH|NOPERM|ERR|WRONGTYPE)/.test(message)) return false
  return (
    name === 'MaxRetriesPerRequestError' ||
    /^(?:LOADING|TRYAGAIN|CLUSTERDOWN|MASTERDOWN|READONLY|BUSY)/.test(message) ||
    /timed out|closed|ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN/.test(message)
  )
}
