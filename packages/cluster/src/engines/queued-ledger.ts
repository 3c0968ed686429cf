import type { Epoch, EpochPlan } from '../contract/epoch.ts'
import type {
  FailOptions,
  Lease,
  LeaseAnswer,
  Ledger,
  LedgerCallOptions,
} from '../contract/ledger.ts'
import type { ShardCommit } from '../contract/progress.ts'
import type { LedgerStatus, ShardResult, WorkerReport } from '../contract/status.ts'
import type { EntryStore } from '../entries/entry-store.ts'
import { StoreLedger } from '../store/store-ledger.ts'
import type { QueuedShard, ShardQueue } from './shard-queue.ts'

/** Says that the queue has all shards, so that a worker that joins does not add them again. */
const FILLED = 'queue/filled.json'
/** Shards of the queue that one call looks at before it searches the entries. */
const MOST_LOOKED_AT = 16
/** When the queue offers a shard again whose attempt failed. */
const RETRY_MS = 1000

/**
 * A ledger whose shards an engine's queue hands out, and whose entries decide. When the queue has
 * nothing, the ledger searches its entries, so a queue that forgets a shard loses nothing.
 */
export class QueuedLedger implements Ledger {
  readonly url: string
  readonly #ledger: StoreLedger
  readonly #entries: EntryStore
  readonly #queue: ShardQueue

  constructor(entries: EntryStore, queue: ShardQueue) {
    this.#ledger = new StoreLedger(entries)
    this.#entries = entries
    this.#queue = queue
    this.url = entries.url
  }

  async open(plan: EpochPlan, options?: LedgerCallOptions): Promise<Epoch> {
    const epoch = await this.#ledger.open(plan, options)
    if ((await this.#entries.version(FILLED, options)) === undefined) {
      await this.#queue.fill(epoch, options)
      await this.#entries.createIfAbsent(FILLED, '{}', options)
    }
    return epoch
  }

  join(options?: LedgerCallOptions): Promise<Epoch | undefined> {
    return this.#ledger.join(options)
  }

  async lease(worker: string, options?: LedgerCallOptions): Promise<LeaseAnswer> {
    const epoch = await this.join(options)
    for (let looked = 0; epoch !== undefined && looked < MOST_LOOKED_AT; looked++) {
      const queued = await hint(() => this.#queue.next(epoch, options))
      if (queued === undefined) break
      const answer = await this.#ledger.leaseShard(worker, queued.key, options)
      if (answer.kind === 'lease')
        return { kind: 'lease', lease: { ...answer.lease, handle: queued.handle } }
      // Another worker has it: it is offered again when that worker may be lost.
      if (answer.kind === 'final') await hint(() => this.#queue.finish(queued, options))
      else await hint(() => this.#queue.giveBack(queued, epoch.leaseMs / 3, options))
    }
    return await this.#ledger.lease(worker, options)
  }

  async renew(
    report: WorkerReport,
    leases: readonly Lease[],
    options?: LedgerCallOptions,
  ): Promise<readonly string[]> {
    const lost = await this.#ledger.renew(report, leases, options)
    const kept = leases.filter(({ key }) => !lost.includes(key)).flatMap(queuedOf)
    const epoch = await this.join(options)
    if (kept.length > 0 && epoch !== undefined)
      await hint(() => this.#queue.keep(kept, epoch, options))
    return lost
  }

  async commit(lease: Lease, commit: ShardCommit, options?: LedgerCallOptions): Promise<Lease> {
    const next = await this.#ledger.commit(lease, commit, options)
    for (const queued of queuedOf(next))
      await hint(async () => await this.#queue.show?.(queued, commit.cursor, options))
    return next
  }

  async release(lease: Lease, options?: LedgerCallOptions): Promise<void> {
    await this.#ledger.release(lease, options)
    await this.#giveBack(lease, 0, options)
  }

  async complete(lease: Lease, commit: ShardCommit, options?: LedgerCallOptions): Promise<void> {
    await this.#ledger.complete(lease, commit, options)
    await this.#finish(lease, options)
  }

  async fail(lease: Lease, error: string, options: FailOptions): Promise<void> {
    await this.#ledger.fail(lease, error, options)
    if (options.isDead) await this.#finish(lease, options)
    // Not at once: other shards come first, and what failed it may pass.
    else await this.#giveBack(lease, RETRY_MS, options)
  }

  async split(lease: Lease, at: number, options?: LedgerCallOptions): Promise<Lease> {
    const next = await this.#ledger.split(lease, at, options)
    await hint(() => this.#queue.add(`${next.key}+${next.parts.length}`, options))
    return next
  }

  requestSplits(worker: string, options?: LedgerCallOptions): Promise<number> {
    return this.#ledger.requestSplits(worker, options)
  }

  isSplitRequested(lease: Lease, options?: LedgerCallOptions): Promise<boolean> {
    return this.#ledger.isSplitRequested(lease, options)
  }

  forget(worker: string, options?: LedgerCallOptions): Promise<void> {
    return this.#ledger.forget(worker, options)
  }

  revive(options?: LedgerCallOptions): Promise<number> {
    return this.#ledger.revive(options)
  }

  status(options?: LedgerCallOptions): Promise<LedgerStatus> {
    return this.#ledger.status(options)
  }

  results(options?: LedgerCallOptions): AsyncIterable<ShardResult> {
    return this.#ledger.results(options)
  }

  async close(): Promise<void> {
    await hint(() => this.#queue.close())
    await this.#ledger.close()
  }

  async #finish(lease: Lease, options?: LedgerCallOptions): Promise<void> {
    for (const queued of queuedOf(lease)) await hint(() => this.#queue.finish(queued, options))
  }

  async #giveBack(lease: Lease, delayMs: number, options?: LedgerCallOptions): Promise<void> {
    for (const queued of queuedOf(lease))
      await hint(() => this.#queue.giveBack(queued, delayMs, options))
  }
}

/** What the queue knows of a lease; nothing if the lease was found in the entries. */
function queuedOf({ key, handle }: Lease): QueuedShard[] {
  return handle === undefined ? [] : [{ key, handle }]
}

/**
 * Calls the queue and ignores its failure: the entry is made, and the queue hands a shard out again
 * that it did not hear of.
 */
async function hint<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call()
  } catch {
    return undefined
  }
}
