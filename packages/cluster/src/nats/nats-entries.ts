import type { JetStreamManager } from '@nats-io/jetstream'
import type { KV } from '@nats-io/kv'
import { retryCall } from '../engines/retry-call.ts'
import type { EntryCallOptions, EntryStore } from '../entries/entry-store.ts'
import { isTransient, type NatsConnection } from './nats-connection.ts'

/**
 * Entries in a key-value bucket of JetStream. `create`, which expects that the key has no
 * revision, decides.
 */
export class NatsEntries implements EntryStore {
  readonly url: string
  readonly #connection: NatsConnection
  readonly #bucket: string
  #kv: KV | undefined
  #manager: JetStreamManager | undefined

  constructor(connection: NatsConnection) {
    this.#connection = connection
    this.url = connection.url
    this.#bucket = `spindle-${connection.name}`
  }

  createIfAbsent(name: string, text: string, options?: EntryCallOptions): Promise<boolean> {
    return this.#call(async (kv) => {
      try {
        await kv.create(keyOf(name), text)
        return true
      } catch (error) {
        if (isConflict(error)) return false
        throw error
      }
    }, options)
  }

  async put(name: string, text: string, options?: EntryCallOptions): Promise<void> {
    await this.#call((kv) => kv.put(keyOf(name), text), options)
  }

  read(name: string, options?: EntryCallOptions): Promise<string | undefined> {
    return this.#call(async (kv) => {
      const entry = await kv.get(keyOf(name))
      return entry?.operation === 'PUT' ? entry.string() : undefined
    }, options)
  }

  version(name: string, options?: EntryCallOptions): Promise<string | undefined> {
    return this.#call(async (kv) => {
      const entry = await kv.get(keyOf(name))
      return entry?.operation === 'PUT' ? String(entry.revision) : undefined
    }, options)
  }

  async *list(prefix: string, options?: EntryCallOptions): AsyncGenerator<string, void, void> {
    const names = await this.#call(async (kv) => {
      const found: string[] = []
      for await (const key of await kv.keys(`${keyOf(prefix)}>`)) found.push(nameOf(key))
      return found
    }, options)
    yield* names
  }

  /** Removes the message itself; a purge of the bucket would leave a mark for each name. */
  async delete(name: string, options?: EntryCallOptions): Promise<void> {
    const filter = `$KV.${this.#bucket}.${keyOf(name)}`
    await this.#call(() => this.#manager!.streams.purge(`KV_${this.#bucket}`, { filter }), options)
  }

  async close(): Promise<void> {
    await this.#connection.close()
  }

  #call<T>(call: (kv: KV) => Promise<T>, options?: EntryCallOptions): Promise<T> {
    return retryCall(this.url, async () => await call(await this.#open()), isTransient, options)
  }

  async #open(): Promise<KV> {
    if (this.#kv !== undefined) return this.#kv
    const { jetstream, Kvm, jetstreamManager } = await this.#connection.clients()
    this.#manager = await jetstreamManager()
    // `allow_direct: false`: reads go to the leader, so they see every write that ended before.
    this.#kv = await new Kvm(jetstream()).create(this.#bucket, {
      history: 1,
      allow_direct: false,
      replicas: this.#connection.replicas,
    })
    return this.#kv
  }
}

/** Folders become tokens of a subject, which `.` separates; NATS has no `+` in keys. */
function keyOf(name: string): string {
  return name.replace(/[./+]/g, (sign) => (sign === '/' ? '.' : sign === '.' ? '/' : '='))
}

function nameOf(key: string): string {
  return key.replace(/[./=]/g, (sign) => (sign === '.' ? '/' : sign === '/' ? '.' : '+'))
}

/** The server's answer "wrong last sequence": the key exists. */
function isConflict(error: unknown): boolean {
  const { code, message = '' } = error as { code?: unknown; message?: string }
  return code === 10071 || /wrong last sequence/i.test(message)
}
