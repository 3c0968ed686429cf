import { hostname } from 'node:os'
import type { Lease, Ledger } from '../contract/ledger.ts'
import type { WorkerReport } from '../contract/status.ts'
import { ClusterError, isLeaseLost, messageOf } from '../errors.ts'
import type { CheckedJob } from '../job/define-job.ts'
import { clearTimeout, dateMs, pause, setTimeout } from '../timers.ts'
import { LeaseKeeper } from './lease-keeper.ts'
import { patiently } from './patience.ts'
import { type LedgerAddress, type Renewals, startRenewals } from './renewals.ts'
import { runShard } from './run-shard.ts'
import type { WorkerEvent } from './worker-options.ts'

/** First and longest pause of a worker that finds nothing to do. A new shard waits no longer. */
const FIRST_PAUSE_MS = 20
const LONGEST_PAUSE_MS = 700
/** Searches without a result before the worker asks others to split their shards. */
const SEARCHES_BEFORE_SPLIT = 3
/** Shortest time for which a ledger that cannot be reached is tried again. */
const OUTAGE_MS = 60_000
/** Time in which aborted work ends by itself. */
const HEED_MS = 250
/** Longest text of an error that the ledger keeps. */
const ERROR_LENGTH = 2000

interface ShiftSettings {
  readonly worker: string
  readonly graceMs: number
  readonly maxBlockedMs: number
  readonly signal: AbortSignal
  readonly onEvent: (event: WorkerEvent) => void
  readonly page: string | undefined
}

/**
 * The work of one worker on one epoch: some shards at the same time, each with a lease. A shard is
 * leased only when there is room for it.
 */
export class Shift {
  readonly #ledger: Ledger
  readonly #address: LedgerAddress | undefined
  readonly #checked: CheckedJob
  readonly #settings: ShiftSettings
  readonly #keepers = new Map<string, LeaseKeeper>()
  /** Aborted when the worker is to stop, or when it failed. */
  readonly #stop = new AbortController()
  /** Rejects when the time of a stop is over. */
  readonly #late: { readonly promise: Promise<never>; readonly reject: (reason: unknown) => void }
  #graceTimer: NodeJS.Timeout | undefined
  readonly #startedMs: number = dateMs()
  #renewals: Renewals | undefined
  #leaseMs = 0
  #shards = 0
  #records = 0
  #failures = 0
  #isComplete = false

  constructor(
    ledger: Ledger,
    address: LedgerAddress | undefined,
    checked: CheckedJob,
    settings: ShiftSettings,
  ) {
    this.#ledger = ledger
    this.#address = address
    this.#checked = checked
    this.#settings = settings
    let reject: (reason: unknown) => void = () => {}
    const promise = new Promise<never>((_, refuse) => {
      reject = refuse
    })
    promise.catch(() => {})
    this.#late = { promise, reject }
  }

  async run(): Promise<{ isComplete: boolean; shards: number; records: number; failures: number }> {
    const { signal, graceMs, maxBlockedMs } = this.#settings
    this.#leaseMs = (await this.#ledger.join())!.leaseMs
    this.#renewals = await startRenewals(this.#ledger, this.#address, this.#leaseMs, maxBlockedMs, {
      report: () => this.#report(),
      leases: () => [...this.#keepers.values()].map(({ lease }) => lease),
      onLost: (keys) => this.#lose(keys),
    })
    const stop = (): void => this.#halt(graceMs)
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    try {
      const lanes = Array.from({ length: this.#checked.shardsAtOnce }, () => this.#lane())
      const ended = await Promise.allSettled(lanes)
      const failed = ended.find(({ status }) => status === 'rejected')
      if (failed !== undefined) throw (failed as PromiseRejectedResult).reason
    } finally {
      signal.removeEventListener('abort', stop)
      clearTimeout(this.#graceTimer)
      await this.#renewals.close()
      await this.#ledger.renew(this.#report('ended'), []).catch(() => {})
    }
    const [shards, records, failures] = [this.#shards, this.#records, this.#failures]
    return { isComplete: this.#isComplete, shards, records, failures }
  }

  /** Takes one shard after the other. */
  async #lane(): Promise<void> {
    const { worker } = this.#settings
    let searches = 0
    try {
      while (!this.#stop.signal.aborted) {
        const answer = await patiently(
          () => this.#ledger.lease(worker),
          Math.max(OUTAGE_MS, 2 * this.#leaseMs),
          this.#stop.signal,
        )
        if (answer.kind === 'complete') {
          this.#isComplete = true
          return
        }
        if (answer.kind === 'lease') {
          searches = 0
          await this.#work(answer.lease)
          continue
        }
        if (++searches >= SEARCHES_BEFORE_SPLIT)
          await this.#ledger.requestSplits(worker).catch(() => 0)
        // Random, so that many idle workers do not ask at the same moment.
        const mostMs = answer.afterMs ?? LONGEST_PAUSE_MS
        const longestMs = Math.min(FIRST_PAUSE_MS * 2 ** searches, mostMs)
        await pause(longestMs * (0.5 + Math.random() / 2), this.#stop.signal)
      }
    } catch (error) {
      this.#halt(this.#settings.graceMs)
      throw error
    }
  }

  async #work(lease: Lease): Promise<void> {
    const keeper = new LeaseKeeper(this.#ledger, lease, this.#leaseMs)
    this.#keepers.set(lease.key, keeper)
    this.#renewals?.update()
    this.#tell('leased', lease)
    try {
      const working = runShard(this.#checked, keeper, this.#stop.signal, (count) => {
        this.#records += count
      })
      // Code that ignores its signal must not keep the worker beyond its time.
      const outcome = await Promise.race([working, this.#late.promise])
      if (outcome === 'done') this.#shards++
      else await keeper.release()
      this.#tell(outcome, lease)
    } catch (error) {
      await this.#handle(error, keeper)
    } finally {
      this.#keepers.delete(lease.key)
      this.#renewals?.update()
    }
  }

  /** What a shard's failure means: for the shard, or for the whole worker. */
  async #handle(error: unknown, keeper: LeaseKeeper): Promise<void> {
    const { lease } = keeper
    const reason: unknown = keeper.lost.aborted ? keeper.lost.reason : error
    if (isLeaseLost(reason) || isLeaseLost(error)) {
      this.#tell('lost', lease, reason)
      return
    }
    if (this.#stop.signal.aborted || isOfWorker(error)) {
      await keeper.release().catch(() => {})
      if (!this.#stop.signal.aborted) throw error
      this.#tell('stopped', lease)
      return
    }
    this.#failures++
    const isDead = lease.failures + 1 >= this.#checked.maxAttempts
    try {
      await keeper.fail(messageOf(error).slice(0, ERROR_LENGTH), isDead)
      this.#tell(isDead ? 'dead' : 'failed', lease, error)
    } catch (refused) {
      if (!isLeaseLost(refused)) throw refused
      this.#tell('lost', lease, refused)
    }
  }

  /** Stops after what is consumed is committed, and at the last commits when the time is over. */
  #halt(graceMs: number): void {
    if (this.#stop.signal.aborted) return
    this.#stop.abort(new DOMException('the worker stops', 'AbortError'))
    const late = new DOMException('the worker stops, and its time is over', 'AbortError')
    this.#graceTimer = setTimeout(() => {
      for (const keeper of this.#keepers.values()) keeper.lose(late)
      // What heeds its signal gets a turn to end by itself.
      this.#graceTimer = setTimeout(() => this.#late.reject(late), HEED_MS)
    }, graceMs)
  }

  #lose(keys: readonly string[]): void {
    for (const key of keys) {
      const keeper = this.#keepers.get(key)
      if (keeper === undefined) continue
      const { shard, worker } = keeper.lease
      keeper.lose(
        new ClusterError(
          'ERR_LEASE_LOST',
          `another worker has shard "${shard.name}" now: ${worker} did not renew its lease in time`,
        ),
      )
    }
  }

  #report(ended?: 'ended'): WorkerReport {
    const { worker, page } = this.#settings
    const working = [...this.#keepers.values()].map(({ lease }) => lease.shard.name)
    const state = this.#stop.signal.aborted ? 'stopping' : working.length > 0 ? 'working' : 'idle'
    return {
      worker,
      host: hostname(),
      pid: process.pid,
      state: ended ?? state,
      startedMs: this.#startedMs,
      reportedMs: dateMs(),
      shards: this.#shards,
      records: this.#records,
      failures: this.#failures,
      working,
      memoryBytes: process.memoryUsage.rss(),
      ...(page !== undefined && { page }),
    }
  }

  #tell(kind: WorkerEvent['kind'], { shard, key }: Lease, error?: unknown): void {
    const event = { kind, worker: this.#settings.worker, shard: shard.name, key }
    try {
      this.#settings.onEvent({ ...event, ...(error !== undefined && { error }) })
    } catch {}
  }
}

/** Whether an error says that this worker's environment is broken, so no shard is to blame. */
function isOfWorker(error: unknown): boolean {
  for (let at = error, depth = 0; at !== undefined && at !== null && depth < 8; depth++) {
    if ((at as { isInfrastructure?: unknown }).isInfrastructure === true) return true
    at = (at as { cause?: unknown }).cause
  }
  return false
}
