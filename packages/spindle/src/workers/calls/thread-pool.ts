import type { ResourceLimits } from 'node:worker_threads'
import { checkOwn } from '../../copies.ts'
import { options, type Rules } from '../../options/index.ts'
import { type SegmentPool, segmentPoolRule } from '../memory/segment-pool.ts'
import { limitsRule } from '../supervise/resource-limits.ts'
import { type PoolOptions, poolRules, poolSettings } from './pool-options.ts'
import { ThreadChannel } from './thread-channel.ts'
import { WorkerPool } from './worker-pool.ts'

/** Options of `ThreadPool`. */
export interface ThreadPoolOptions extends PoolOptions {
  /** Memory limits of each thread, as in `node:worker_threads`. Default: Node's limits. */
  readonly resourceLimits?: ResourceLimits
  /**
   * Shared memory for results. Ops allocate it with `context.alloc()`, and results in it arrive
   * without a copy. Items in this memory stay valid while ops use them. The garbage collector gives
   * a result's memory back, or `SegmentPool.leaseOf(array)?.release()` does it earlier. Default:
   * none.
   */
  readonly memory?: SegmentPool
}

const threadPoolOptions = options('ThreadPoolOptions', {
  ...poolRules,
  resourceLimits: limitsRule,
  memory: segmentPoolRule,
} satisfies Rules<ThreadPoolOptions>)

/**
 * Worker threads that run ops by reference. Calls wait in the pool in the order of their
 * priorities, then of their arrival, and go to the least loaded thread. Short calls are sent
 * several at a time. A thread that dies is replaced, and its calls are run again.
 *
 * The threads keep the process alive only while calls are pending. When the process ends, it does
 * not stop a thread in the middle of a synchronous call, unless the call takes longer than
 * `graceMs`.
 *
 * @example
 * ```ts
 * await using pool = new ThreadPool({ size: 4 })
 * const pipeline = new PipelineBuilder().addSource(paths).pipe(ops.decode, { executor: pool, concurrency: 8 }).build()
 * ```
 */
export class ThreadPool extends WorkerPool {
  /** @throws `ERR_BAD_OPTION` for a wrong option. */
  constructor(options: ThreadPoolOptions = {}) {
    const checked = threadPoolOptions.check(options)
    const { memory } = checked
    if (memory !== undefined) checkOwn('memory', memory, 'SegmentPool')
    const settings = { ...poolSettings('thread', checked), memory }
    super(settings, 'thread', (listener) => new ThreadChannel(listener, options, settings))
  }

  /** Current number of threads, including those that are starting or ending. */
  get threadCount(): number {
    return this.workerCount
  }
}
