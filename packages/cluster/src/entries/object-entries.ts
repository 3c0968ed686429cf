import type { ObjectStore } from 'spindle/source'
import type { EntryCallOptions, EntryStore } from './entry-store.ts'

/** Entries as objects of a store: a local folder, a bucket. */
export class ObjectEntries implements EntryStore {
  readonly url: string
  readonly #store: ObjectStore

  constructor(store: ObjectStore) {
    this.#store = store
    this.url = store.url
  }

  createIfAbsent(name: string, text: string, options?: EntryCallOptions): Promise<boolean> {
    return this.#store.createIfAbsent(name, text, options)
  }

  async put(name: string, text: string, options?: EntryCallOptions): Promise<void> {
    await this.#store.create(name, text, options)
  }

  async read(name: string, options?: EntryCallOptions): Promise<string | undefined> {
    try {
      return String(await this.#store.read(name, options))
    } catch (error) {
      if ((error as { code?: unknown }).code === 'ERR_NOT_FOUND') return undefined
      throw error
    }
  }

  async version(name: string, options?: EntryCallOptions): Promise<string | undefined> {
    const found = await this.#store.head(name, options)
    return found && (found.version ?? `${found.size}-${found.modifiedMs}`)
  }

  async *list(prefix: string, options?: EntryCallOptions): AsyncGenerator<string, void, void> {
    for await (const { name } of this.#store.list(prefix, options)) yield name
  }

  delete(name: string, options?: EntryCallOptions): Promise<void> {
    return this.#store.delete(name, options)
  }

  async close(): Promise<void> {}
}
