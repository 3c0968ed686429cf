import type { TransferStats } from '../transport/pack.ts'

/** What a pool has done so far, and what it is at. */
export interface PoolStats {
  /** Workers there are now, those included that are starting or ending. */
  readonly workers: number
  /** Calls that wait for a worker. */
  readonly waiting: number
  /** Calls that workers have, those included that wait in them. */
  readonly running: number
  /** Calls that have settled, however. */
  readonly tasks: number
  /** Bytes of buffers that crossed without a copy. */
  readonly transferredBytes: number
  /**
   * Bytes of buffers that were copied in order to cross: items, which stay the caller's; parts of
   * larger buffers; all that goes to a process.
   */
  readonly copiedBytes: number
  /** Workers that ended without being told to. */
  readonly deaths: number
  /** Workers that were started in place of one that had ended. */
  readonly restarts: number
}

/** The counters behind {@link PoolStats}. */
export class PoolCounters {
  tasks = 0
  transferredBytes = 0
  copiedBytes = 0
  deaths = 0
  restarts = 0

  /** Adds what a carrier has counted, and sets that back. */
  count(tally: TransferStats): void {
    this.transferredBytes += tally.transferredBytes
    this.copiedBytes += tally.copiedBytes
    tally.transferredBytes = 0
    tally.copiedBytes = 0
  }
}
