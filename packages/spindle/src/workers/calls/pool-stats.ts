import type { TransferStats } from '../transport/pack.ts'

/** Counts of what a pool has done, and its current state. */
export interface PoolStats {
  /** Current number of workers, including those that are starting or ending. */
  readonly workers: number
  /** Number of calls that wait for a worker. */
  readonly waiting: number
  /** Number of calls that workers have, including those that wait inside a worker. */
  readonly running: number
  /** Number of settled calls, with or without success. */
  readonly tasks: number
  /** Bytes of buffers that were sent without a copy. */
  readonly transferredBytes: number
  /**
   * Bytes of buffers that were copied for sending: items, which stay the caller's; parts of larger
   * buffers; everything sent to or from a process.
   */
  readonly copiedBytes: number
  /** Number of workers that ended unexpectedly. */
  readonly deaths: number
  /** Number of workers that replaced one that had ended. */
  readonly restarts: number
}

/** The counters behind {@link PoolStats}. */
export class PoolCounters {
  tasks = 0
  transferredBytes = 0
  copiedBytes = 0
  deaths = 0
  restarts = 0

  /** Adds the counts of a transport and resets them. */
  count(stats: TransferStats): void {
    this.transferredBytes += stats.transferredBytes
    this.copiedBytes += stats.copiedBytes
    stats.transferredBytes = 0
    stats.copiedBytes = 0
  }
}
