import type { ShardOutput } from './progress.ts'

/** What a worker says of itself with each renewal. */
export interface WorkerReport {
  /** Id of the worker, unique to this run of its process. */
  readonly worker: string
  /** Name of its machine. */
  readonly host: string
  /** Process id. */
  readonly pid: number
  readonly state: 'idle' | 'working' | 'stopping' | 'ended'
  /** When it started and when it said this, in milliseconds since 1970, by its own clock. */
  readonly startedMs: number
  readonly reportedMs: number
  /** Shards that this worker completed. */
  readonly shards: number
  /** Records that it committed. */
  readonly records: number
  /** Attempts that failed. */
  readonly failures: number
  /** Names of the shards it works on. */
  readonly working: readonly string[]
  /** Resident memory of the process in bytes. */
  readonly memoryBytes: number
  /** Address of the page about its pipeline, if it serves one. */
  readonly page?: string
}

/** A shard whose attempts failed. */
export interface ShardFailure {
  readonly key: string
  readonly name: string
  /** Failed attempts and lost workers since the last progress. */
  readonly attempts: number
  /** The last error. */
  readonly error: string
  readonly isDead: boolean
}

/** What a ledger knows of its epoch. Parts of split shards count as shards of their own. */
export interface LedgerStatus {
  readonly job: string
  readonly epoch: string
  readonly isComplete: boolean
  /** Number of shards: `done + dead + running + waiting`. */
  readonly shards: number
  readonly done: number
  readonly dead: number
  /** Held by a worker. */
  readonly running: number
  /** Free: never taken, released or failed. */
  readonly waiting: number
  /** Records and bytes of all committed outputs. */
  readonly records: number
  readonly bytes: number
  /** When the epoch was made, in milliseconds since 1970. */
  readonly createdMs: number
  readonly leaseMs: number
  readonly workers: readonly WorkerReport[]
  /** At most 100, dead ones first. */
  readonly failures: readonly ShardFailure[]
}

/** What became of one shard. */
export interface ShardResult {
  readonly key: string
  readonly index: number
  readonly name: string
  readonly outputs: readonly ShardOutput[]
  /** Number of rows that are done. */
  readonly cursor: number
  /** Whether it was given up. Its outputs are those of its last commit. */
  readonly isDead: boolean
  readonly error?: string
}
