import type { ResourceLimits } from 'node:worker_threads'
import { checkOptions } from '../../check.ts'
import { checkOwn } from '../../copies.ts'
import type { SegmentPool } from '../memory/segment-pool.ts'
import { type PoolOptions, poolOptions, poolSettings } from './pool-options.ts'
import { ThreadLink } from './thread-link.ts'
import { WorkerPool } from './worker-pool.ts'

/** Options of `ThreadPool`. */
export interface ThreadPoolOptions extends PoolOptions {
  /** Limits of memory of each thread, as for `node:worker_threads`. Default: none but Node's. */
  readonly resourceLimits?: ResourceLimits
  /**
   * Shared memory that ops get by `context.alloc()` and write their results into, which so come
   * here without a copy; also what items lie in stays theirs while ops use it. A result is given
   * back by the garbage collector, or earlier by `SegmentPool.leaseOf(array)?.release()`. Default:
   * none.
   */
  readonly memory?: SegmentPool
}

/**
 * Worker threads that run ops by reference. Calls wait here in the order of their priorities, then
 * of their coming, and go to the thread that holds the fewest; short ones are sent several at a
 * time. A thread that dies is replaced, and what it held is run again.
 *
 * The threads keep the process alive only while calls are waited for. When it ends, none of them is
 * stopped in the middle of a synchronous call, unless that lasts longer than `graceMs`.
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
    checkOptions(options, [...poolOptions, 'resourceLimits', 'memory'])
    const { memory } = options
    if (memory !== undefined) checkOwn('memory', memory, 'SegmentPool')
    const settings = { ...poolSettings('thread', options), memory }
    super(settings, 'thread', (listener) => new ThreadLink(listener, options, settings))
  }

  /** Threads there are now, those included that are starting or ending. */
  get threadCount(): number {
    return this.workerCount
  }
}
