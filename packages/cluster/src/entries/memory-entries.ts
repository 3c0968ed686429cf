import type { EntryCallOptions, EntryStore } from './entry-store.ts'

/** Entries in the memory of this process, for tests and for jobs of one process. */
export class MemoryEntries implements EntryStore {
  readonly url: string = 'memory:'
  /** Folder -> entries in it, so that listing a folder does not look at the others. */
  readonly #folders = new Map<string, Map<string, { text: string; version: number }>>()
  #writes = 0

  async createIfAbsent(name: string, text: string, options?: EntryCallOptions): Promise<boolean> {
    options?.signal?.throwIfAborted()
    const folder = this.#folder(name)
    if (folder.has(name)) return false
    folder.set(name, { text, version: ++this.#writes })
    return true
  }

  async put(name: string, text: string): Promise<void> {
    this.#folder(name).set(name, { text, version: ++this.#writes })
  }

  async read(name: string, options?: EntryCallOptions): Promise<string | undefined> {
    options?.signal?.throwIfAborted()
    return this.#folder(name).get(name)?.text
  }

  async version(name: string): Promise<string | undefined> {
    const version = this.#folder(name).get(name)?.version
    return version === undefined ? undefined : String(version)
  }

  async *list(prefix: string): AsyncGenerator<string, void, void> {
    yield* this.#folder(prefix).keys()
  }

  async delete(name: string): Promise<void> {
    this.#folder(name).delete(name)
  }

  async close(): Promise<void> {}

  #folder(name: string): Map<string, { text: string; version: number }> {
    const path = name.slice(0, name.lastIndexOf('/') + 1)
    const known = this.#folders.get(path)
    if (known !== undefined) return known
    const folder = new Map<string, { text: string; version: number }>()
    this.#folders.set(path, folder)
    return folder
  }
}
