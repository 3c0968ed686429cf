import { createHash, randomBytes } from 'node:crypto'
import type { LedgerCallOptions } from '../contract/ledger.ts'
import type { EntryStore } from '../entries/entry-store.ts'
import { type Entry, entryText, parseEntry } from './entry.ts'
import { chunkOf, doneName, entryIn, entryName, indexOf, logFolder } from './names.ts'

/** The newest entry of a shard and its number. */
export interface Newest {
  readonly number: number
  readonly entry: Entry
}

/** What a writer decides of an entry; the log adds the rest. */
export type NewEntry = Omit<Entry, 'version' | 'token' | 'fence'> & {
  /** `undefined`: the entry begins a lease, whose fence is its own number. */
  readonly fence: number | undefined
}

/**
 * The logs of shards: numbered entries that are made only if they are absent. Making the next
 * number succeeds for one worker only. So a worker whose shard was taken by another can change
 * nothing: the number that it would make exists.
 */
export class ShardLogs {
  readonly #entries: EntryStore

  constructor(entries: EntryStore) {
    this.#entries = entries
  }

  /**
   * Numbers of the newest entries of a chunk's shards. Shards that were never taken are missing.
   */
  async numbers(chunk: number, options?: LedgerCallOptions): Promise<Map<string, number>> {
    const newest = new Map<string, number>()
    for await (const name of this.#entries.list(logFolder(chunk), options)) {
      const found = entryIn(name)
      if (found !== undefined && found.number > (newest.get(found.key) ?? 0))
        newest.set(found.key, found.number)
    }
    return newest
  }

  /** An entry; `undefined` if there is none. */
  async read(key: string, number: number, options?: LedgerCallOptions): Promise<Entry | undefined> {
    const name = entryName(key, number)
    const text = await this.#entries.read(name, options)
    return text === undefined ? undefined : parseEntry(this.#entries.url, name, text)
  }

  /**
   * The newest entry of one shard, read forward from a number that is known to exist, or from 0.
   */
  async newest(key: string, from = 0, options?: LedgerCallOptions): Promise<Newest | undefined> {
    let found: Newest | undefined
    for (let number = Math.max(1, from); ; number++) {
      const entry = await this.read(key, number, options)
      if (entry === undefined) return found
      found = { number, entry }
    }
  }

  /**
   * Makes an entry of a shard.
   *
   * @returns whether this call made it; `false`: another worker was faster, or the whole chunk is
   *   done already
   */
  async add(
    key: string,
    number: number,
    entry: NewEntry,
    options?: LedgerCallOptions,
  ): Promise<boolean> {
    const token = tokenOf(entry)
    const text = entryText({ ...entry, token, fence: entry.fence ?? number })
    const name = entryName(key, number)
    const isMade = await this.#isMade(name, text, token, options)
    // The entries of a chunk that is done are deleted, so its numbers are free again.
    const done = doneName(chunkOf(indexOf(key)))
    return isMade && (await this.#entries.version(done, options)) === undefined
  }

  /** An answer may be lost, and a retry of the store then finds what the first try made. */
  async #isMade(
    name: string,
    text: string,
    token: string,
    options?: LedgerCallOptions,
  ): Promise<boolean> {
    let fault: unknown
    try {
      if (await this.#entries.createIfAbsent(name, text, options)) return true
    } catch (error) {
      options?.signal?.throwIfAborted()
      fault = error
    }
    const found = await this.#entries.read(name, options)
    if (found !== undefined) return parseEntry(this.#entries.url, name, found).token === token
    if (fault !== undefined) throw fault
    return false
  }
}

/**
 * A repeated call recognizes the entry of the first one. Only the holder of a lease makes entries
 * with its fence, so their content is enough; two searches of a worker may make equal leases.
 */
function tokenOf(entry: NewEntry): string {
  if (entry.fence === undefined) return randomBytes(9).toString('base64url')
  return createHash('sha256').update(JSON.stringify(entry)).digest('base64url').slice(0, 16)
}
