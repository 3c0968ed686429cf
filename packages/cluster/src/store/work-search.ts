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
import { CHUNK_SIZE, chunkOf, claimName, doneName, indexOf } from './names.ts'
import type { ShardLogs } from './shard-log.ts'
import { WorkerWatch } from './worker-watch.ts'

/** Chunks that one worker remembers. */
const MOST_VIEWS = 16

/** What {@link WorkSearch.take} answers. */
export type TakeAnswer =
  | { readonly kind: 'lease'; readonly lease: Lease }
  | { readonly kind: 'busy' | 'final' }

/**
 * Finds the next shard for one worker. It knows a few chunks at a time, so its memory does not grow
 * with the epoch. In a chunk it takes, in this order: shards that were never taken, shards that
 * were given back, shards whose worker is lost.
 */
export class WorkSearch {
  readonly #entries: EntryStore
  readonly #logs: ShardLogs
  readonly #epoch: Epoch
  readonly #worker: string
  #seed: number
  readonly #finder: ChunkFinder
  readonly #watch: WorkerWatch
  #view: ChunkView | undefined
  readonly #views = new Map<number, ChunkView>()
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
    const isComplete = this.#hasFinished && (await this.#finder.refresh(options))
    this.#hasFinished = false
    return isComplete ? { kind: 'complete' } : { kind: 'busy', afterMs: this.#finder.busyMs }
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
      // The status takes a chunk without a claim for untouched.
      await this.#entries.createIfAbsent(claimName(chunk), '{}', options)
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
    const view = await this.#viewOf(chunk, options)
    for (;;) {
      // Its entries are deleted then, and would look as if no worker had ever come.
      if ((await this.#entries.version(doneName(chunk), options)) !== undefined) {
        this.#views.delete(chunk)
        if (this.#view === view) this.#view = undefined
        this.#hasFinished = true
        return undefined
      }
      await view.list(options)
      if (view.untouched(this.#seed) === undefined) break
      const lease = await this.#untouched(view, options)
      if (lease !== undefined) return lease
    }
    const shards = await view.read(options)
    for (const shard of shards) {
      const { newest, key } = shard
      if (newest === undefined ? view.isTouched(key) : isFinal(newest.entry.kind)) continue
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

  /** A view of a chunk, which becomes the current one. A few are remembered. */
  async #viewOf(chunk: number, options?: LedgerCallOptions): Promise<ChunkView> {
    let view = this.#views.get(chunk)
    if (view === undefined) {
      const specs = await readChunk(this.#entries, this.#epoch, chunk, options)
      view = new ChunkView(chunk, specs, this.#logs)
      if (this.#views.size >= MOST_VIEWS) this.#views.delete(this.#views.keys().next().value!)
      this.#views.set(chunk, view)
    }
    this.#view = view
    return view
  }

  #isOfAnother({ newest }: KnownShard): boolean {
    return newest !== undefined && isHeld(newest.entry.kind) && newest.entry.worker !== this.#worker
  }

  async #untouched(view: ChunkView, options?: LedgerCallOptions): Promise<Lease | undefined> {
    const shard = view.untouched(this.#seed)
    if (shard === undefined) return undefined
    const lease = await this.#take(shard, 0, options)
    view.touch(shard.key, 1)
    // Two workers at the same place would meet again at the next one.
    if (lease === undefined) this.#seed = Math.floor(Math.random() * 2 ** 31)
    return lease
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
