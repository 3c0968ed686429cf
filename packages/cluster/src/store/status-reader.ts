import type { Epoch } from '../contract/epoch.ts'
import type { LedgerCallOptions } from '../contract/ledger.ts'
import type { LedgerStatus, ShardFailure } from '../contract/status.ts'
import type { EntryStore } from '../entries/entry-store.ts'
import { failureOf, readChunkResults } from './chunk-results.ts'
import { ChunkView, type KnownShard } from './chunk-view.ts'
import { isHeld } from './entry.ts'
import { readChunk } from './epoch-files.ts'
import { CHUNK_SIZE, CLAIMS, chunkCount, chunkIn, DONE } from './names.ts'
import type { ShardLogs } from './shard-log.ts'
import { readWorkers } from './worker-watch.ts'

const MOST_FAILURES = 100
/** Open chunks that are remembered between two looks. */
const MOST_VIEWS = 256

interface ChunkCounts {
  shards: number
  done: number
  dead: number
  running: number
  records: number
  bytes: number
  failures: ShardFailure[]
}

/**
 * Reads how an epoch is, again and again. A look reads chunks that are new or not done; of those
 * only what changed.
 */
export class StatusReader {
  readonly #entries: EntryStore
  readonly #logs: ShardLogs
  readonly #epoch: Epoch
  readonly #closed = new Map<number, ChunkCounts>()
  readonly #views = new Map<number, ChunkView>()

  constructor(entries: EntryStore, logs: ShardLogs, epoch: Epoch) {
    this.#entries = entries
    this.#logs = logs
    this.#epoch = epoch
  }

  async read(options?: LedgerCallOptions): Promise<LedgerStatus> {
    const total: ChunkCounts = nothing()
    const { job, id, shardCount, createdMs, leaseMs } = this.#epoch
    const done = await this.#numbersIn(DONE, options)
    const claimed = await this.#numbersIn(CLAIMS, options)
    const chunks = chunkCount(shardCount)
    for (let chunk = 0; chunk < chunks; chunk++) {
      if (done.has(chunk)) add(total, await this.#ofClosed(chunk, options))
      else {
        // A worker claims a chunk before it begins with it; a single chunk needs no claim.
        if (chunks === 1 || claimed.has(chunk)) add(total, await this.#ofOpen(chunk, options))
        else total.shards += Math.min(CHUNK_SIZE, shardCount - chunk * CHUNK_SIZE)
      }
    }
    const { failures, ...counts } = total
    failures.sort((a, b) => Number(b.isDead) - Number(a.isDead))
    return {
      job,
      epoch: id,
      isComplete: counts.done + counts.dead === counts.shards,
      ...counts,
      waiting: counts.shards - counts.done - counts.dead - counts.running,
      createdMs,
      leaseMs,
      workers: await readWorkers(this.#entries, options),
      failures: failures.slice(0, MOST_FAILURES),
    }
  }

  async #ofClosed(chunk: number, options?: LedgerCallOptions): Promise<ChunkCounts> {
    const known = this.#closed.get(chunk)
    if (known !== undefined) return known
    this.#views.delete(chunk)
    const found = await readChunkResults(this.#entries, chunk, options)
    // Its dead shards were revived since the listing.
    if (found === undefined) return await this.#ofOpen(chunk, options)
    const { results, done, dead, records, bytes } = found
    const failures = results.flatMap(({ key, name, isDead, error = '' }) =>
      isDead ? [{ key, name, attempts: 0, error, isDead }] : [],
    )
    const counts = { shards: results.length, done, dead, running: 0, records, bytes, failures }
    // Dead shards may be revived.
    if (dead === 0) this.#closed.set(chunk, counts)
    return counts
  }

  async #ofOpen(chunk: number, options?: LedgerCallOptions): Promise<ChunkCounts> {
    let view = this.#views.get(chunk)
    if (view === undefined) {
      const specs = await readChunk(this.#entries, this.#epoch, chunk, options)
      view = new ChunkView(chunk, specs, this.#logs)
      if (this.#views.size < MOST_VIEWS) this.#views.set(chunk, view)
    }
    await view.list(options)
    const counts = nothing()
    for (const shard of await view.read(options)) count(counts, shard)
    return counts
  }

  async #numbersIn(prefix: string, options?: LedgerCallOptions): Promise<Set<number>> {
    const found = new Set<number>()
    for await (const name of this.#entries.list(prefix, options)) found.add(chunkIn(name))
    return found
  }
}

function nothing(): ChunkCounts {
  return { shards: 0, done: 0, dead: 0, running: 0, records: 0, bytes: 0, failures: [] }
}

function add(total: ChunkCounts, part: ChunkCounts): void {
  total.shards += part.shards
  total.done += part.done
  total.dead += part.dead
  total.running += part.running
  total.records += part.records
  total.bytes += part.bytes
  if (total.failures.length < 10 * MOST_FAILURES) total.failures.push(...part.failures)
}

function count(counts: ChunkCounts, shard: KnownShard): void {
  counts.shards++
  if (shard.newest === undefined) return
  const { kind, progress } = shard.newest.entry
  if (kind === 'done') counts.done++
  else if (kind === 'dead') counts.dead++
  else if (isHeld(kind)) counts.running++
  for (const output of progress.outputs) {
    counts.records += output.count
    counts.bytes += output.bytes
  }
  counts.failures.push(...failureOf(shard))
}
