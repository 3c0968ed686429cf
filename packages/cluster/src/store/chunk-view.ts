import type { ShardSpec } from '../contract/epoch.ts'
import type { LedgerCallOptions } from '../contract/ledger.ts'
import type { ShardRange } from '../contract/progress.ts'
import { isFinal } from './entry.ts'
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
  readonly #specs: readonly ShardSpec[]
  readonly #logs: ShardLogs
  readonly #shards = new Map<string, KnownShard>()
  /** Number of each shard's newest entry. */
  #numbers: ReadonlyMap<string, number> = new Map()

  constructor(chunk: number, specs: readonly ShardSpec[], logs: ShardLogs) {
    this.chunk = chunk
    this.#specs = specs
    this.#logs = logs
    for (const [at, spec] of specs.entries()) {
      const index = chunk * CHUNK_SIZE + at
      const key = keyOf(index)
      this.#shards.set(key, { key, index, spec, range: { start: 0 }, newest: undefined })
    }
  }

  /** Lists which shards have entries. One request. */
  async list(options?: LedgerCallOptions): Promise<void> {
    this.#numbers = await this.#logs.numbers(this.chunk, options)
  }

  /** Shards of the manifest that no worker has ever taken, beginning at a place of this worker. */
  untouched(seed: number): KnownShard[] {
    const keys = this.#specs.map((_, at) => keyOf(this.chunk * CHUNK_SIZE + at))
    const begin = seed % Math.max(1, keys.length)
    return [...keys.slice(begin), ...keys.slice(0, begin)]
      .filter((key) => !this.#numbers.has(key))
      .map((key) => this.#shards.get(key)!)
  }

  /** Remembers that a shard has entries. */
  touch(key: string, number: number): void {
    this.#numbers = new Map(this.#numbers).set(key, number)
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
    // Nothing follows `done`. Entries of others are read forward from the listed one.
    if (known !== undefined && (known.entry.kind === 'done' || known.number > listed)) return
    if (known?.number === listed && isFinal(known.entry.kind)) return
    if (listed > 0)
      shard.newest = await this.#logs.newest(
        shard.key,
        Math.max(listed, known?.number ?? 0),
        options,
      )
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
