import { createHash } from 'node:crypto'
import type { Epoch, ShardSpec } from '../contract/epoch.ts'
import type { Lease, LeaseAnswer, LedgerCallOptions } from '../contract/ledger.ts'
import type { EntryStore } from '../entries/entry-store.ts'
import { ChunkFinder } from './chunk-finder.ts'
import { finishChunk } from './chunk-results.ts'
import { ChunkView, type KnownShard } from './chunk-view.ts'
import { isFinal, isHeld } from './entry.ts'
import { readChunk } from './epoch-files.ts'
import { leaseEntry, leaseOf } from './lease-data.ts'
import { CHUNK_SIZE, chunkOf, doneName, indexOf } from './names.ts'
import type { ShardLogs } from './shard-log.ts'
import { WorkerWatch } from './worker-watch.ts'

/** What {@link WorkSearch.take} answers. */
export type TakeAnswer =
  | { readonly kind: 'lease'; readonly lease: Lease }
  | { readonly kind: 'busy' | 'final' }

/**
 * Finds the next shard for one worker. It knows one chunk at a time, so its memory does not grow
 * with the epoch. In a chunk it takes, in this order: shards that were never taken, shards that
 * were given back, shards whose worker is lost.
 */
export class WorkSearch {
  readonly #entries: EntryStore
  readonly #logs: ShardLogs
  readonly #epoch: Epoch
  readonly #worker: string
  readonly #seed: number
  readonly #finder: ChunkFinder
  readonly #watch: WorkerWatch
  #view: ChunkView | undefined
  /** The chunk of the last shard that an engine handed out. */
  #taken: { readonly chunk: number; readonly specs: readonly ShardSpec[] } | undefined
  /** Fences of this worker's own leases: an entry of its own that is not among them is free. */
  readonly #own = new Set<string>()
  /** Whether a chunk was closed since the last answer. */
  #hasFinished = false
  /** Shards that others held when the last search found nothing. */
  held: readonly KnownShard[] = []

  constructor(entries: EntryStore, logs: ShardLogs, epoch: Epoch, worker: string) {
    this.#entries = entries
    this.#logs = logs
    this.#epoch = epoch
    this.#worker = worker
    this.#seed = createHash('sha256').update(worker).digest().readUInt32LE()
    this.#finder = new ChunkFinder(entries, epoch, this.#seed)
    this.#watch = new WorkerWatch(entries)
  }

  /** Forgets a lease that ended. */
  settle(lease: Lease): void {
    this.#own.delete(`${lease.key}.${lease.fence}`)
  }

  async next(options?: LedgerCallOptions): Promise<LeaseAnswer> {
    if (this.#view !== undefined) {
      const lease = await this.#untouched(this.#view, options)
      if (lease !== undefined) return { kind: 'lease', lease }
    }
    this.held = []
    const last = this.#view?.chunk
    const found = last === undefined ? undefined : await this.#search(last, options)
    if (found !== undefined) return { kind: 'lease', lease: found }
    const chunks = await this.#finder.find(options)
    if (chunks === undefined) return { kind: 'complete' }
    for (const chunk of chunks) {
      const lease = chunk === last ? undefined : await this.#search(chunk, options)
      if (lease !== undefined) return { kind: 'lease', lease }
    }
    const isComplete = this.#hasFinished && (await this.#finder.isComplete(options))
    this.#hasFinished = false
    return { kind: isComplete ? 'complete' : 'busy' }
  }

  /**
   * Takes one shard that an engine handed out. `final`: it is done or dead; `busy`: another worker
   * has it.
   */
  async take(key: string, options?: LedgerCallOptions): Promise<TakeAnswer> {
    const shard = await this.#shardOf(key, options)
    const kind = shard?.newest?.entry.kind
    if (shard === undefined || (kind !== undefined && isFinal(kind))) return { kind: 'final' }
    const lease = await this.#takeFree(shard, options)
    if (lease !== undefined) return { kind: 'lease', lease }
    // The entries of a chunk that is done are deleted.
    const isDone = await this.#entries.version(doneName(chunkOf(shard.index)), options)
    return { kind: isDone === undefined ? 'busy' : 'final' }
  }

  /** A shard and its newest entry; `undefined` if it is no part of its shard. */
  async #shardOf(key: string, options?: LedgerCallOptions): Promise<KnownShard | undefined> {
    const index = indexOf(key)
    const chunk = chunkOf(index)
    if (this.#taken?.chunk !== chunk) {
      const specs = await readChunk(this.#entries, this.#epoch, chunk, options)
      this.#taken = { chunk, specs }
    }
    const spec = this.#taken.specs[index - chunk * CHUNK_SIZE]
    if (spec === undefined) return undefined
    const newest = await this.#logs.newest(key, 0, options)
    const part = /^(.*)\+(\d+)$/.exec(key)
    if (part === null || newest !== undefined)
      return { key, index, spec, range: newest?.entry.range ?? { start: 0 }, newest }
    const whole = await this.#logs.newest(part[1]!, 0, options)
    const range = whole?.entry.parts[Number(part[2]) - 1]
    return range && { key, index, spec, range, newest }
  }

  /** Searches one chunk, and closes it if all its shards are done or dead. */
  async #search(chunk: number, options?: LedgerCallOptions): Promise<Lease | undefined> {
    if (this.#view?.chunk !== chunk) {
      const specs = await readChunk(this.#entries, this.#epoch, chunk, options)
      this.#view = new ChunkView(chunk, specs, this.#logs)
    }
    const view = this.#view
    await view.list(options)
    const untouched = await this.#untouched(view, options)
    if (untouched !== undefined) return untouched
    const shards = await view.read(options)
    for (const shard of shards) {
      if (shard.newest !== undefined && isFinal(shard.newest.entry.kind)) continue
      const lease = await this.#takeFree(shard, options)
      if (lease !== undefined) return lease
    }
    if (shards.every(({ newest }) => newest !== undefined && isFinal(newest.entry.kind))) {
      await finishChunk(this.#entries, chunk, shards, options)
      this.#hasFinished = true
    }
    this.held = [...this.held, ...shards.filter((shard) => this.#isOfAnother(shard))]
    return undefined
  }

  #isOfAnother({ newest }: KnownShard): boolean {
    return newest !== undefined && isHeld(newest.entry.kind) && newest.entry.worker !== this.#worker
  }

  async #untouched(view: ChunkView, options?: LedgerCallOptions): Promise<Lease | undefined> {
    for (const shard of view.untouched(this.#seed)) {
      const lease = await this.#take(shard, 0, options)
      view.touch(shard.key, 1)
      if (lease !== undefined) return lease
    }
    return undefined
  }

  async #takeFree(shard: KnownShard, options?: LedgerCallOptions): Promise<Lease | undefined> {
    const last = shard.newest?.entry
    if (last === undefined || !isHeld(last.kind))
      return await this.#take(shard, last?.losses ?? 0, options)
    if (last.worker === this.#worker) {
      // Taken by a call whose answer was lost.
      const isKnown = this.#own.has(`${shard.key}.${last.fence}`)
      return isKnown ? undefined : await this.#take(shard, last.losses, options)
    }
    if (!(await this.#watch.isLost(last.worker, this.#epoch.leaseMs, options))) return undefined
    return await this.#take(shard, last.losses + 1, options)
  }

  async #take(
    shard: KnownShard,
    losses: number,
    options?: LedgerCallOptions,
  ): Promise<Lease | undefined> {
    const number = (shard.newest?.number ?? 0) + 1
    const begin = leaseEntry(shard, this.#worker, losses)
    const isDead = losses > this.#epoch.maxLosses
    const entry = isDead
      ? ({
          ...begin,
          kind: 'dead',
          error: `${losses} workers were lost while they worked on it`,
        } as const)
      : begin
    const isMade = await this.#logs.add(shard.key, number, entry, options)
    if (!isMade || isDead) return undefined
    this.#own.add(`${shard.key}.${number}`)
    return leaseOf(shard, number, entry)
  }
}
