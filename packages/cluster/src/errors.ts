import { SpindleError } from 'spindle/worker'

/** Stable codes of the errors that `@spindle/cluster` throws. */
export type ClusterErrorCode =
  /** The ledger holds another epoch: other shards, or other settings of the job. */
  | 'ERR_EPOCH_MISMATCH'
  /** The ledger holds no epoch yet. */
  | 'ERR_NO_EPOCH'
  /**
   * Another worker has the shard now. What this worker did since its last commit does not count.
   */
  | 'ERR_LEASE_LOST'
  /** A server refuses, or cannot be reached. */
  | 'ERR_LEDGER'
  /** An entry of the ledger is damaged, or of another version. */
  | 'ERR_BAD_LEDGER'
  /** A client of an engine is not installed. */
  | 'ERR_BACKEND_MISSING'
  /** The epoch ended, and some shards failed for good. */
  | 'ERR_DEAD_SHARDS'
  /** A module exports no job. */
  | 'ERR_NOT_A_JOB'
  /** A worker process ended without a reason that Spindle knows. */
  | 'ERR_WORKER_DIED'
  /** An option or argument breaks its rule. */
  | 'ERR_BAD_OPTION'

/** An error of a ledger, a job or a worker. */
export class ClusterError extends SpindleError {
  override readonly name: string = 'ClusterError'
  declare readonly code: ClusterErrorCode

  constructor(code: ClusterErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options)
  }
}

/** Whether an error says that another worker has the shard now. */
export function isLeaseLost(error: unknown): boolean {
  return (error as Partial<ClusterError> | null)?.code === 'ERR_LEASE_LOST'
}

/** The message of any thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
