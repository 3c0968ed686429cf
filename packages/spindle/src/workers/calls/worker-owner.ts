import type { SegmentPool } from '../memory/segment-pool.ts'
import type { BufferPool } from './buffer-pool.ts'
import type { InitCount } from './inits.ts'
import type { LinkEnding } from './link.ts'
import type { OpNumbers } from './op-numbers.ts'
import type { OpProfiles } from './op-profile.ts'
import type { PoolCounters } from './pool-stats.ts'
import type { Task } from './task.ts'

/** Whom a worker of type `W` tells: its pool. */
export interface WorkerOwner<W> {
  readonly numbers: OpNumbers
  readonly facts: OpProfiles
  readonly counters: PoolCounters
  readonly stock: BufferPool
  /** Shared memory that results may lie in. */
  readonly memory: SegmentPool | undefined
  readonly graceMs: number
  /** Calls after which a worker gives way to a new one. */
  readonly maxTasks: number
  /** Workers that call a module's `init`. */
  readonly inits: InitCount
  /** Whether tasks wait for a worker. */
  readonly hasWaiting: boolean
  /** A worker has started. */
  workerReady(): void
  /** A worker can take tasks, or more of them. */
  workerHasRoom(): void
  workerEnded(worker: W, ending: WorkerEnding): void
  /** A module is such that no worker can load it. */
  moduleRefused(module: string, error: unknown): void
}

export interface WorkerEnding extends LinkEnding {
  readonly wasReady: boolean
  /** Whether the pool ended it. */
  readonly wasMeant: boolean
  /** Tasks that may have killed it. */
  readonly suspects: readonly Task[]
  /** Its other tasks. */
  readonly others: readonly Task[]
}
