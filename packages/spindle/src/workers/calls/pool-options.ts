import { availableParallelism } from 'node:os'
import type { ExecutorWorkers, WorkerNumber } from '../../engine/executor.ts'
import type { OpReference, WorkerOp } from '../../engine/worker-op.ts'
import {
  anything,
  type Checked,
  either,
  group,
  integer,
  minToMax,
  options,
  type Rule,
  type Rules,
} from '../../options/index.ts'
import type { SegmentPool } from '../memory/segment-pool.ts'
import { copyInitArgs, initRule, referenceOf } from './worker-module.ts'

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

const sizeRange = options(
  'PoolOptions.size',
  {
    min: integer({ min: 1, default: 1, unit: 'workers' }),
    max: integer({ min: 1, unit: 'workers' }),
  } satisfies Rules<Extract<PoolOptions['size'], object>>,
  undefined,
  minToMax,
)

const recycleOptions = options('PoolOptions.recycle', {
  afterItems: integer({ min: 1, orInfinity: true, unit: 'calls' }),
  afterHeapMb: integer({ min: 1 }),
} satisfies Rules<NonNullable<PoolOptions['recycle']>>)

/** The rules of the options that thread pools and process pools share. */
export const poolRules: {
  readonly [N in keyof PoolOptions]-?: Rule<
    Exclude<PoolOptions[N], undefined>,
    N extends 'init' | 'initArgs' | 'recycle' ? 'maybe' : 'always'
  >
} = {
  size: either(integer({ min: 1 }), sizeRange, {
    defaultOf: availableParallelism,
    unit: 'workers',
  }),
  init: initRule,
  initArgs: anything(),
  initConcurrency: integer({ min: 1, defaultOf: availableParallelism, unit: 'workers' }),
  recycle: group(recycleOptions),
  maxDeaths: integer({ min: 1, default: 2, unit: 'workers' }),
  graceMs: integer({ min: 0, default: 1000 }),
}

/** The settings of a pool from its checked options. */
export function poolSettings(
  kind: 'thread' | 'process',
  checked: Checked<typeof poolRules, PoolOptions>,
): PoolSettings {
  const { size, init, initArgs, initConcurrency, recycle, maxDeaths, graceMs } =
    copyInitArgs(checked)
  const [minSize, maxSize] = sizesOf(size)
  return {
    kind,
    size: maxSize,
    minSize,
    maxSize,
    isRange: typeof size === 'object',
    maxDeaths,
    graceMs,
    maxTasks: recycle?.afterItems ?? Number.POSITIVE_INFINITY,
    init: init && referenceOf(init),
    initArgs,
    initConcurrency,
  }
}

function sizesOf(size: NonNullable<PoolOptions['size']>): readonly [number, number] {
  if (typeof size === 'number') return [1, size]
  const { min, max = Math.max(min, availableParallelism()) } = sizeRange.check(size)
  return [min, max]
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
