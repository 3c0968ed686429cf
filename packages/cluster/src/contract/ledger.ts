import type { Epoch, EpochPlan, ShardSpec } from './epoch.ts'
import type { ShardCommit, ShardProgress, ShardRange } from './progress.ts'
import type { LedgerStatus, ShardResult, WorkerReport } from './status.ts'

/** Options that every call of a ledger takes. */
export interface LedgerCallOptions {
  /** Aborts the call; its promise rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/**
 * The right to work on one shard: plain data, so another thread can use it too.
 *
 * A lease is fenced: each call that changes the shard succeeds only if no other worker has taken
 * the shard since, and returns the lease for the next call. The engine's own bookkeeping (delivery
 * counts, locks, acknowledgements) never decides this; a compare-and-set entry does.
 */
export interface Lease {
  /** The shard, as the job listed it. */
  readonly shard: ShardSpec
  /** Position of the shard in the manifest, from 0. Parts of a split shard have the same. */
  readonly index: number
  /** Unique in the epoch: `00000017`, and `00000017+1` for a part of it. */
  readonly key: string
  /** Id of the worker. */
  readonly worker: string
  /** Grows with each lease of the shard, and belongs to this lease alone. */
  readonly fence: number
  /** Fences of earlier leases of the shard, the last 32. */
  readonly earlier: readonly number[]
  /** Number of the shard's newest entry. The next entry has the next number. */
  readonly entry: number
  /** What earlier leases committed: continue there. */
  readonly progress: ShardProgress
  /** The rows to work on. */
  readonly range: ShardRange
  /** Ranges that were split off, in that order. */
  readonly parts: readonly ShardRange[]
  /** Failed attempts since the last progress. */
  readonly failures: number
  /** Lost workers since the last progress. */
  readonly losses: number
  /** What the engine needs to renew or acknowledge. */
  readonly handle?: string
}

/**
 * What `lease()` answers. `busy`: all that is left is held by other workers, so ask again, after
 * `afterMs` at the latest.
 * `complete`: every shard is done or dead.
 */
export type LeaseAnswer =
  | { readonly kind: 'lease'; readonly lease: Lease }
  | { readonly kind: 'busy'; readonly afterMs?: number }
  | { readonly kind: 'complete' }

/** Options of {@link Ledger.fail}. */
export interface FailOptions extends LedgerCallOptions {
  /** Whether the shard is given up: no worker gets it again. */
  readonly isDead: boolean
}

/**
 * Where an epoch is kept: its shards, who works on them, how far they are, and what they produced.
 * An implementation passes the suite in `test/conformance.ts`.
 *
 * What is decided only by compare-and-set: the epoch of the ledger (`open`), the holder of a shard
 * (`lease`), every `commit`, `release`, `complete`, `fail` and `split`, and that the epoch is
 * complete. Everything else (order, claims, reports, requests to split) is a hint that may be lost.
 *
 * A call may reject although it took effect. A worker then gives the shard up and leases anew.
 */
export interface Ledger {
  /** The URL or path of the ledger, without secrets. */
  readonly url: string
  /**
   * Creates the epoch. A second caller with the same plan joins it.
   *
   * @throws `ERR_EPOCH_MISMATCH` if the ledger holds an epoch with another id
   */
  open(plan: EpochPlan, options?: LedgerCallOptions): Promise<Epoch>
  /** The epoch that the ledger holds; `undefined` if there is none. */
  join(options?: LedgerCallOptions): Promise<Epoch | undefined>
  /**
   * Takes a shard that no worker holds, or whose worker is lost. It does not wait. A shard that was
   * released or failed continues at its cursor. A shard whose workers were lost more than
   * `maxLosses` times without progress becomes dead.
   *
   * @throws `ERR_NO_EPOCH` before `open()`
   */
  lease(worker: string, options?: LedgerCallOptions): Promise<LeaseAnswer>
  /**
   * Says that a worker lives, and thereby keeps all its leases. Call it every third of `leaseMs`,
   * also from another thread and another instance. A worker is lost when its renewals have not
   * changed for `leaseMs` by the watcher's own clock.
   *
   * @returns keys of those of `leases` that other workers have now
   */
  renew(
    report: WorkerReport,
    leases: readonly Lease[],
    options?: LedgerCallOptions,
  ): Promise<readonly string[]>
  /**
   * Moves the cursor and appends outputs, both or neither. When it resolves, they are durable.
   *
   * @throws `ERR_LEASE_LOST`
   */
  commit(lease: Lease, commit: ShardCommit, options?: LedgerCallOptions): Promise<Lease>
  /** Gives the shard back, at its cursor. Others can take it at once. @throws `ERR_LEASE_LOST` */
  release(lease: Lease, options?: LedgerCallOptions): Promise<void>
  /** Commits the rest and marks the shard as done, both or neither. @throws `ERR_LEASE_LOST` */
  complete(lease: Lease, commit: ShardCommit, options?: LedgerCallOptions): Promise<void>
  /** Counts a failed attempt and gives the shard back, or up. @throws `ERR_LEASE_LOST` */
  fail(lease: Lease, error: string, options: FailOptions): Promise<void>
  /**
   * Gives the rows from `at` on to a new part of the shard, which others can take at once.
   *
   * @param at a row behind `range.start + cursor` and before the end
   * @returns the lease, whose `range.end` is `at` now
   * @throws `ERR_LEASE_LOST`
   */
  split(lease: Lease, at: number, options?: LedgerCallOptions): Promise<Lease>
  /**
   * Asks holders of shards to split them. A hint: it may be ignored. @returns the number of
   * requests
   */
  requestSplits(worker: string, options?: LedgerCallOptions): Promise<number>
  /** Whether another worker asked the holder of this lease to split its shard. */
  isSplitRequested(lease: Lease, options?: LedgerCallOptions): Promise<boolean>
  /**
   * Says that a worker has ended, so that its leases are free at once. Call it only if the process
   * is known to have ended.
   */
  forget(worker: string, options?: LedgerCallOptions): Promise<void>
  /** Lets dead shards be tried again. @returns their number */
  revive(options?: LedgerCallOptions): Promise<number>
  /** Progress, workers and failures; also after a crash, and without workers. */
  status(options?: LedgerCallOptions): Promise<LedgerStatus>
  /** Results of the shards that are done or dead, in the order of the manifest. */
  results(options?: LedgerCallOptions): AsyncIterable<ShardResult>
  /** Frees connections. Leases stay until their worker is lost. */
  close(): Promise<void>
}
