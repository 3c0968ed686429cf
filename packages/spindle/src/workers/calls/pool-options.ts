import { availableParallelism } from 'node:os'
import { badOption, checkInteger, checkOptions } from '../../check.ts'
import type { OpReference, WorkerOp } from '../../engine/worker-op.ts'
import type { SegmentPool } from '../memory/segment-pool.ts'
import { checkInit, checkInitArgs, referenceOf } from './worker-module.ts'

/** Options that pools of threads and of processes have in common. */
export interface PoolOptions {
  /**
   * Workers at most, an integer >= 1. Each is started when there is work for it. Default:
   * `os.availableParallelism()`. A range says between which numbers `resize()`, and a pipeline that
   * is tuned, may set it: it begins with `max`. Of a number: between 1 and that.
   */
  readonly size?: number | { readonly min?: number; readonly max?: number }
  /** Called in each worker before its first op, with `initArgs`; awaited. Default: none. */
  readonly init?: WorkerOp<never, unknown>
  /** What `init` is called with: anything that can be cloned, copied now. Default `undefined`. */
  readonly initArgs?: unknown
  /**
   * Workers that initialise at the same time, an integer >= 1: that start, or load a module with an
   * `init` of its own. Each may need much memory or the whole network then. Default:
   * `os.availableParallelism()`.
   */
  readonly initConcurrency?: number
  /**
   * When a worker gives way to a new one. It takes no more calls, ends those it has, and loses
   * none. Default: never.
   */
  readonly recycle?: {
    /** Calls after which it does, an integer >= 1. */
    readonly afterItems?: number
    /**
     * Heap in use and buffers, in MiB, from which on it does, an integer >= 1; looked at between
     * calls, garbage included.
     */
    readonly afterHeapMb?: number
  }
  /**
   * Workers that an item may kill before it fails with `ERR_WORKER_DIED`, an integer >= 1. Until
   * then its op is called again, from the beginning; of a generator, the outputs that the caller
   * has had are left out, so it must give the same ones again. Default 2.
   */
  readonly maxDeaths?: number
  /**
   * How long a call whose signal was aborted may go on before its worker is terminated, in
   * milliseconds, and how long the end of the process waits for threads that are in the middle of a
   * call. Default 1000.
   */
  readonly graceMs?: number
}

/** What a pool works with. */
export interface PoolSettings {
  readonly kind: 'thread' | 'process'
  /** Workers at first. */
  readonly size: number
  /** Between which numbers that may be set. */
  readonly minSize: number
  readonly maxSize: number
  readonly isRange: boolean
  readonly maxDeaths: number
  readonly graceMs: number
  readonly maxTasks: number
  readonly init: OpReference | undefined
  /** What that is called with. */
  readonly initArgs: unknown
  readonly initConcurrency: number
  /** Shared memory for results. */
  readonly memory?: SegmentPool | undefined
}

export const poolOptions: readonly (keyof PoolOptions)[] = [
  'size',
  'init',
  'initArgs',
  'initConcurrency',
  'recycle',
  'maxDeaths',
  'graceMs',
]

function sizesOf(size: PoolOptions['size']): readonly [number, number] {
  if (typeof size !== 'object' || size === null) {
    const given = size === undefined ? availableParallelism() : size
    checkInteger('size', given, 1)
    return [1, given]
  }
  checkOptions(size, ['min', 'max'])
  const { min = 1, max = Math.max(min, availableParallelism()) } = size
  checkInteger('size.min', min, 1)
  checkInteger('size.max', max, 1)
  if (max < min) badOption('size.max', `an integer >= \`min\`, which is ${min}`, max)
  return [min, max]
}

/** Checks options and fills in the defaults. @throws `ERR_BAD_OPTION` for a wrong option. */
export function poolSettings(kind: 'thread' | 'process', options: PoolOptions): PoolSettings {
  const { init, recycle = {}, maxDeaths = 2, graceMs = 1000 } = options
  const { initConcurrency = availableParallelism() } = options
  const [minSize, maxSize] = sizesOf(options.size)
  checkInteger('initConcurrency', initConcurrency, 1)
  checkInteger('maxDeaths', maxDeaths, 1)
  checkInteger('graceMs', graceMs, 0)
  checkOptions(recycle, ['afterItems', 'afterHeapMb'])
  const { afterItems = Number.POSITIVE_INFINITY, afterHeapMb } = recycle
  checkInteger('recycle.afterItems', afterItems, 1, undefined, true)
  if (afterHeapMb !== undefined) checkInteger('recycle.afterHeapMb', afterHeapMb, 1)
  checkInit(init)
  return {
    kind,
    size: maxSize,
    minSize,
    maxSize,
    isRange: typeof options.size === 'object',
    maxDeaths,
    graceMs,
    maxTasks: afterItems,
    init: init && referenceOf(init),
    initArgs: checkInitArgs(options),
    initConcurrency,
  }
}
