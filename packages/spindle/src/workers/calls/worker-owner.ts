import type { LoopSilence } from '../../loop-silence.ts'
import type { SegmentPool } from '../memory/segment-pool.ts'
import type { WorkerExit } from '../transport/watch-worker.ts'
import type { BufferPool } from './buffer-pool.ts'
import type { InitCount } from './inits.ts'
import type { OpNumbers } from './op-numbers.ts'
import type { OpProfiles } from './op-profile.ts'
import type { PoolCounters } from './pool-stats.ts'
import type { Task } from './task.ts'

/** The pool of a worker of type `W`, as the worker sees it. */
export interface WorkerOwner<W> {
  readonly numbers: OpNumbers
  readonly profiles: OpProfiles
  readonly counters: PoolCounters
  readonly bufferPool: BufferPool
  /** How long the pool's event loop leaves results unread. */
  readonly silence: LoopSilence
  /** Shared memory that results may be in. */
  readonly memory: SegmentPool | undefined
  readonly graceMs: number
  /** Number of calls after which a worker is replaced. */
  readonly maxTasks: number
  /** Number of workers that call a module's `init`. */
  readonly inits: InitCount
  /** Whether tasks wait for a worker. */
  readonly hasWaiting: boolean
  /** A worker has started. */
  workerReady(): void
  /** A worker can take tasks, or more tasks. */
  workerHasRoom(): void
  workerEnded(worker: W, exit: PoolWorkerExit): void
  /** No worker can load this module. */
  moduleRefused(module: string, error: unknown): void
}

export interface PoolWorkerExit extends WorkerExit {
  readonly wasReady: boolean
  /** Whether the pool ended it. */
  readonly wasMeant: boolean
  /** Tasks that may have killed it. */
  readonly suspects: readonly Task[]
  /** Its other tasks. */
  readonly others: readonly Task[]
}
