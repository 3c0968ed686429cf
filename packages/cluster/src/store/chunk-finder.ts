import type { Epoch } from '../contract/epoch.ts'
import type { LedgerCallOptions } from '../contract/ledger.ts'
import type { EntryStore } from '../entries/entry-store.ts'
import { CLAIMS, chunkCount, chunkIn, claimName, DONE } from './names.ts'

/** Chunks that one search looks into before it says that nothing is free. */
const MOST_CHUNKS = 8

/**
 * Finds chunks with work. Workers begin with chunks of their own (`claims/`), so they do not meet;
 * when no such chunk is left, they look into chunks of others.
 */
export class ChunkFinder {
  readonly #entries: EntryStore
  readonly #count: number
  readonly #seed: number
  #turn = 0

  constructor(entries: EntryStore, epoch: Epoch, seed: number) {
    this.#entries = entries
    this.#count = chunkCount(epoch.shardCount)
    this.#seed = seed
  }

  /**
   * Chunks to look into, the best first; each search continues behind the last one. `undefined`:
   * all chunks are done.
   */
  async find(options?: LedgerCallOptions): Promise<readonly number[] | undefined> {
    const done = await this.#numbersIn(DONE, options)
    if (done.size >= this.#count) return undefined
    if (this.#count === 1) return [0]
    const own = await this.#claim(done, options)
    if (own !== undefined) return [own]
    const open = this.#rotated().filter((chunk) => !done.has(chunk))
    this.#turn += MOST_CHUNKS
    return open.slice(0, MOST_CHUNKS)
  }

  /** Whether all chunks are done. */
  async isComplete(options?: LedgerCallOptions): Promise<boolean> {
    return (await this.#numbersIn(DONE, options)).size >= this.#count
  }

  async #claim(
    done: ReadonlySet<number>,
    options?: LedgerCallOptions,
  ): Promise<number | undefined> {
    const claimed = await this.#numbersIn(CLAIMS, options)
    for (const chunk of this.#rotated()) {
      if (done.has(chunk) || claimed.has(chunk)) continue
      if (await this.#entries.createIfAbsent(claimName(chunk), '{}', options)) return chunk
    }
    return undefined
  }

  async #numbersIn(prefix: string, options?: LedgerCallOptions): Promise<Set<number>> {
    const found = new Set<number>()
    for await (const name of this.#entries.list(prefix, options)) found.add(chunkIn(name))
    return found
  }

  #rotated(): number[] {
    const begin = (this.#seed + this.#turn) % this.#count
    return Array.from({ length: this.#count }, (_, at) => (begin + at) % this.#count)
  }
}
