import type { Epoch } from '../contract/epoch.ts'
import type { LedgerCallOptions } from '../contract/ledger.ts'
import type { EntryStore } from '../entries/entry-store.ts'
import { clockMs } from '../timers.ts'
import { CLAIMS, chunkCount, chunkIn, claimName, DONE } from './names.ts'

/**
 * Open chunks up to which an epoch is small: a search looks into more of them, and turns sooner.
 */
const FEW_OPEN = 64
/**
 * Shortest and longest pause that an idle worker is told, and the longest for which a list holds.
 */
const SHORTEST_BUSY_MS = 700
const LONGEST_BUSY_MS = 5000

/**
 * Finds chunks with work. Workers begin with chunks of their own (`claims/`), so they do not meet;
 * when no such chunk is left, they look into chunks of others. An idle worker stays with the same
 * few chunks for some searches, because the first look into a chunk reads all its entries.
 */
export class ChunkFinder {
  readonly #entries: EntryStore
  readonly #count: number
  readonly #seed: number
  #turn = 0
  #searches = 0
  #areAllClaimed = false
  #done: Set<number> = new Set()
  #doneAtMs: number = Number.NEGATIVE_INFINITY

  constructor(entries: EntryStore, epoch: Epoch, seed: number) {
    this.#entries = entries
    this.#count = chunkCount(epoch.shardCount)
    this.#seed = seed
  }

  /**
   * How long an idle worker may wait. Longer for large epochs, so that idle workers cost little.
   */
  get busyMs(): number {
    return Math.min(LONGEST_BUSY_MS, SHORTEST_BUSY_MS * Math.max(1, this.#count / FEW_OPEN))
  }

  /** Chunks to look into, the best first. `undefined`: all chunks are done. */
  async find(options?: LedgerCallOptions): Promise<readonly number[] | undefined> {
    if (clockMs() - this.#doneAtMs >= this.busyMs - SHORTEST_BUSY_MS) await this.refresh(options)
    if (this.#done.size >= this.#count) return undefined
    if (this.#count === 1) return [0]
    const own = this.#areAllClaimed ? undefined : await this.#claim(options)
    if (own !== undefined) return [own]
    const open = this.#rotated().filter((chunk) => !this.#done.has(chunk))
    const isSmall = open.length <= FEW_OPEN
    if (++this.#searches % (isSmall ? 4 : 12) === 0) this.#turn += isSmall ? 8 : 2
    return open.slice(0, isSmall ? 8 : 2)
  }

  /** Reads which chunks are done. */
  async refresh(options?: LedgerCallOptions): Promise<boolean> {
    this.#done = await this.#numbersIn(DONE, options)
    this.#doneAtMs = clockMs()
    return this.#done.size >= this.#count
  }

  async #claim(options?: LedgerCallOptions): Promise<number | undefined> {
    const claimed = await this.#numbersIn(CLAIMS, options)
    for (const chunk of this.#rotated()) {
      if (this.#done.has(chunk) || claimed.has(chunk)) continue
      if (await this.#entries.createIfAbsent(claimName(chunk), '{}', options)) return chunk
    }
    this.#areAllClaimed = true
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
