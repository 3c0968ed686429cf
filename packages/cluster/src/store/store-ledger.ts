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
import { ClusterError } from '../errors.ts'
import { dateMs } from '../timers.ts'
import { type EntryKind, isHeld } from './entry.ts'
import { makeEpoch, readEpoch } from './epoch-files.ts'
import { advanced, nextEntry } from './lease-data.ts'
import { workerName } from './names.ts'
import { readResults, revive } from './read-ledger.ts'
import { type NewEntry, ShardLogs } from './shard-log.ts'
import { askHolders, isAsked } from './split-requests.ts'
import { StatusReader } from './status-reader.ts'
import { type TakeAnswer, WorkSearch } from './work-search.ts'

/**
 * A ledger on an {@link EntryStore}: a folder, a bucket, a key-value store. It trusts create if
 * absent and nothing else.
 */
export class StoreLedger implements Ledger {
  readonly url: string
  readonly #entries: EntryStore
  readonly #logs: ShardLogs
  #epoch: Epoch | undefined
  #status: StatusReader | undefined
  /** One search for each worker that leases through this object. */
  readonly #searches = new Map<string, WorkSearch>()

  constructor(entries: EntryStore) {
    this.#entries = entries
    this.#logs = new ShardLogs(entries)
    this.url = entries.url
  }

  async open(plan: EpochPlan, options?: LedgerCallOptions): Promise<Epoch> {
    this.#epoch = await makeEpoch(this.#entries, plan, options)
    return this.#epoch
  }

  async join(options?: LedgerCallOptions): Promise<Epoch | undefined> {
    this.#epoch ??= await readEpoch(this.#entries, options)
    return this.#epoch
  }

  async lease(worker: string, options?: LedgerCallOptions): Promise<LeaseAnswer> {
    return await (await this.#searchOf(worker, options)).next(options)
  }

  /** Takes one shard that an engine handed out to a worker. */
  async leaseShard(worker: string, key: string, options?: LedgerCallOptions): Promise<TakeAnswer> {
    return await (await this.#searchOf(worker, options)).take(key, options)
  }

  async #searchOf(worker: string, options?: LedgerCallOptions): Promise<WorkSearch> {
    options?.signal?.throwIfAborted()
    const epoch = await this.#opened(options)
    const known = this.#searches.get(worker)
    if (known !== undefined) return known
    const search = new WorkSearch(this.#entries, this.#logs, epoch, worker)
    this.#searches.set(worker, search)
    return search
  }

  async renew(
    report: WorkerReport,
    leases: readonly Lease[],
    options?: LedgerCallOptions,
  ): Promise<readonly string[]> {
    await this.#entries.put(workerName(report.worker), JSON.stringify(report), options)
    const isLost = await Promise.all(leases.map((lease) => this.#isLost(lease, options)))
    return leases.filter((_, at) => isLost[at]).map(({ key }) => key)
  }

  /** Whether entries behind the lease's last known one are of another lease. */
  async #isLost({ key, entry, fence }: Lease, options?: LedgerCallOptions): Promise<boolean> {
    const newest = await this.#logs.newest(key, entry + 1, options)
    return newest !== undefined && newest.entry.fence !== fence
  }

  async commit(lease: Lease, commit: ShardCommit, options?: LedgerCallOptions): Promise<Lease> {
    return await this.#add(lease, 'commit', advanced(lease, commit), options)
  }

  async release(lease: Lease, options?: LedgerCallOptions): Promise<void> {
    await this.#add(lease, 'release', {}, options)
  }

  async complete(lease: Lease, commit: ShardCommit, options?: LedgerCallOptions): Promise<void> {
    await this.#add(lease, 'done', advanced(lease, commit), options)
  }

  async fail(lease: Lease, error: string, options: FailOptions): Promise<void> {
    const failures = lease.failures + 1
    await this.#add(lease, options.isDead ? 'dead' : 'failed', { failures, error }, options)
  }

  async split(lease: Lease, at: number, options?: LedgerCallOptions): Promise<Lease> {
    const { start, end = Number.POSITIVE_INFINITY } = lease.range
    if (!Number.isSafeInteger(at) || at <= start + lease.progress.cursor || at >= end)
      throw new ClusterError(
        'ERR_BAD_OPTION',
        `\`at\` must be an integer > ${start + lease.progress.cursor} and < ${end}, got ${at}`,
      )
    const part = { ...lease.range, start: at }
    const changes = { range: { start, end: at }, parts: [...lease.parts, part] }
    return await this.#add(lease, 'split', changes, options)
  }

  async requestSplits(worker: string, options?: LedgerCallOptions): Promise<number> {
    const shards = this.#searches.get(worker)?.held ?? []
    return await askHolders(this.#entries, worker, shards, options)
  }

  async isSplitRequested(lease: Lease, options?: LedgerCallOptions): Promise<boolean> {
    return await isAsked(this.#entries, lease, options)
  }

  async forget(worker: string, options?: LedgerCallOptions): Promise<void> {
    const name = workerName(worker)
    const text = await this.#entries.read(name, options)
    const report = { worker, ...(text !== undefined && JSON.parse(text)), state: 'ended' }
    await this.#entries.put(name, JSON.stringify({ reportedMs: dateMs(), ...report }), options)
  }

  async revive(options?: LedgerCallOptions): Promise<number> {
    return await revive(this.#entries, this.#logs, await this.#opened(options), options)
  }

  async status(options?: LedgerCallOptions): Promise<LedgerStatus> {
    const epoch = await this.#opened(options)
    this.#status ??= new StatusReader(this.#entries, this.#logs, epoch)
    return await this.#status.read(options)
  }

  async *results(options?: LedgerCallOptions): AsyncGenerator<ShardResult, void, void> {
    yield* readResults(this.#entries, this.#logs, await this.#opened(options), options)
  }

  async close(): Promise<void> {
    await this.#entries.close()
  }

  async #add(
    lease: Lease,
    kind: EntryKind,
    changes: Partial<NewEntry>,
    options?: LedgerCallOptions,
  ): Promise<Lease> {
    const entry = nextEntry(lease, kind, changes)
    const number = lease.entry + 1
    // Also a lease that is lost, or whose state is unknown, ends: this worker may take it again.
    let isKept = false
    let isMade: boolean
    try {
      isMade = await this.#logs.add(lease.key, number, entry, options)
      isKept = isMade && isHeld(kind)
    } finally {
      if (!isKept) this.#searches.get(lease.worker)?.settle(lease)
    }
    if (!isMade)
      throw new ClusterError(
        'ERR_LEASE_LOST',
        `another worker has shard "${lease.shard.name}" now: ${lease.worker} did not renew its lease in time`,
      )
    const { progress, range, parts, failures, losses } = entry
    return { ...lease, entry: number, progress, range, parts, failures, losses }
  }

  async #opened(options?: LedgerCallOptions): Promise<Epoch> {
    const epoch = await this.join(options)
    if (epoch !== undefined) return epoch
    throw new ClusterError(
      'ERR_NO_EPOCH',
      `${this.url} holds no epoch: start the job with \`spindle run job.ts --ledger …\`, or call open()`,
    )
  }
}
