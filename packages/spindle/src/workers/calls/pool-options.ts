import { availableParallelism } from 'node:os'
import { badOption, checkInteger, checkOptions } from '../../check.ts'
import type { ExecutorWorkers, WorkerNumber } from '../../engine/executor.ts'
import type { OpReference, WorkerOp } from '../../engine/worker-op.ts'
import type { SegmentPool } from '../memory/segment-pool.ts'
import { checkInit, checkInitArgs, referenceOf } from './worker-module.ts'

/** Options that thread pools and process pools share. */
export interface PoolOptions {
  /**
   * Maximum number of workers, an integer >= 1. Workers start when there is work for them. Default:
   * `os.availableParallelism()`. A range limits what `resize()` and the tuner of a pipeline may
   * set; the pool starts with `max`. A number stands for the range from 1 to it.
   */
  readonly size?: number | { readonly min?: number; readonly max?: number }
  /**
   * Op that is called in each worker before its first op, with `initArgs`, and awaited. Default:
   * none.
   */
  readonly init?: WorkerOp<never, unknown>
  /** Argument of `init`: any cloneable value. It is copied now. Default `undefined`. */
  readonly initArgs?: unknown
  /**
   * Maximum number of workers that initialise at the same time, an integer >= 1: workers that
   * start, and workers that load a module with its own `init`. Limit it if initialisation needs
   * much memory or network. Default: `os.availableParallelism()`.
   */
  readonly initConcurrency?: number
  /**
   * When to replace a worker by a new one. The old worker takes no more calls and finishes those it
   * has, so no call is lost. Default: never.
   */
  readonly recycle?: {
    /** Number of calls after which a worker is replaced, an integer >= 1. */
    readonly afterItems?: number
    /**
     * Size of used heap and buffers, garbage included, at which a worker is replaced, in MiB, an
     * integer >= 1. Checked between calls.
     */
    readonly afterHeapMb?: number
  }
  /**
   * Number of workers that an item may kill before it fails with `ERR_WORKER_DIED`, an integer >= 1.
   * Until then its op is called again from the beginning. For a generator, the outputs that the
   * caller already has are skipped, so it must give the same outputs again. Default 2.
   */
  readonly maxDeaths?: number
  /**
   * How long an aborted call may continue before its worker is terminated, in milliseconds. The end
   * of the process also waits this long for threads that are in a call. Default 1000.
   */
  readonly graceMs?: number
}

/** The settings of a pool. */
export interface PoolSettings {
  readonly kind: 'thread' | 'process'
  /** Initial maximum number of workers. */
  readonly size: number
  /** Range for the maximum number of workers. */
  readonly minSize: number
  readonly maxSize: number
  readonly isRange: boolean
  readonly maxDeaths: number
  readonly graceMs: number
  readonly maxTasks: number
  readonly init: OpReference | undefined
  /** Argument of `init`. */
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

/**
 * Checks the options and fills in the defaults.
 *
 * @throws `ERR_BAD_OPTION` for a wrong option.
 */
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

/**
 * Describes the workers of a pool for reports. `of`: the pool that owns the workers, for an
 * executor that is not the pool itself.
 */
export function workersOf(
  kind: ExecutorWorkers['kind'],
  size: () => number,
  of?: object,
): ExecutorWorkers {
  return {
    kind,
    get count() {
      return size()
    },
    ...(of === undefined ? {} : { of }),
  }
}

/** Maximum number of workers of a pool, and how to change it. */
export function sizingOf(
  { minSize, maxSize, isRange }: PoolSettings,
  size: () => number,
  load: () => { readonly busy: number; readonly waiting: number },
  resize: (size: number) => void,
): WorkerNumber {
  return {
    get size() {
      return size()
    },
    min: minSize,
    max: maxSize,
    isRange,
    get busy() {
      return load().busy
    },
    get waiting() {
      return load().waiting
    },
    resize,
  }
}
