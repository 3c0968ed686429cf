import type { ShardSpec } from '../contract/epoch.ts'
import type { LedgerCallOptions } from '../contract/ledger.ts'
import type { ShardRange } from '../contract/progress.ts'
import { inParallel } from './in-parallel.ts'
import { CHUNK_SIZE, indexOf, keyOf } from './names.ts'
import type { Newest, ShardLogs } from './shard-log.ts'

/** Entries that are read at a time. */
const READS = 16

/** A shard of a chunk, or a part of one, and its newest entry as far as this worker knows. */
export interface KnownShard {
  readonly key: string
  readonly index: number
  readonly spec: ShardSpec
  readonly range: ShardRange
  newest: Newest | undefined
}

/**
 * What one worker knows of one chunk. It may be old: an entry that exists already refuses the next
 * one, so an old view costs a try and decides nothing.
 */
export class ChunkView {
  readonly chunk: number
  /** Keys of the shards of the manifest. */
  readonly #keys: readonly string[]
  readonly #logs: ShardLogs
  readonly #shards = new Map<string, KnownShard>()
  /** Number of each shard's newest entry. */
  #numbers: Map<string, number> = new Map()

  constructor(chunk: number, specs: readonly ShardSpec[], logs: ShardLogs) {
    this.chunk = chunk
    this.#keys = specs.map((_, at) => keyOf(chunk * CHUNK_SIZE + at))
    this.#logs = logs
    for (const [at, spec] of specs.entries()) {
      const index = chunk * CHUNK_SIZE + at
      const key = this.#keys[at]!
      this.#shards.set(key, { key, index, spec, range: { start: 0 }, newest: undefined })
    }
  }

  /** Lists which shards have entries. One request. */
  async list(options?: LedgerCallOptions): Promise<void> {
    this.#numbers = await this.#logs.numbers(this.chunk, options)
  }

  /** A shard of the manifest that no worker has ever taken, looked for from a place on. */
  untouched(seed: number): KnownShard | undefined {
    const count = this.#keys.length
    for (let at = 0; at < count; at++) {
      const key = this.#keys[(seed + at) % count]!
      if (!this.#numbers.has(key)) return this.#shards.get(key)
    }
    return undefined
  }

  /** Whether a shard has entries, also if they could not be read because its chunk is done. */
  isTouched(key: string): boolean {
    return this.#numbers.has(key)
  }

  /** Remembers that a shard has entries. */
  touch(key: string, number: number): void {
    this.#numbers.set(key, number)
  }

  /** Reads the newest entries that are not known, and finds the parts of shards that were split. */
  async read(options?: LedgerCallOptions): Promise<readonly KnownShard[]> {
    let round = [...this.#shards.values()]
    while (round.length > 0) {
      await inParallel(round, READS, (shard) => this.#update(shard, options))
      round = round.flatMap((shard) => this.#newParts(shard))
    }
    return [...this.#shards.values()]
  }

  async #update(shard: KnownShard, options?: LedgerCallOptions): Promise<void> {
    const known = shard.newest
    const listed = this.#numbers.get(shard.key) ?? 0
    if (listed === 0 || (known !== undefined && known.number >= listed)) return
    const entry = await this.#logs.read(shard.key, listed, options)
    shard.newest = entry && { number: listed, entry }
  }

  #newParts({ key, index, spec, newest }: KnownShard): KnownShard[] {
    return (newest?.entry.parts ?? []).flatMap((range, at) => {
      const part = `${key}+${at + 1}`
      if (this.#shards.has(part)) return []
      const shard = { key: part, index, spec, range, newest: undefined }
      this.#shards.set(part, shard)
      return [shard]
    })
  }
}

/** The order of results: by shard, and within it by the first row. */
export function inOrder(a: KnownShard, b: KnownShard): number {
  return indexOf(a.key) - indexOf(b.key) || a.range.start - b.range.start
}
