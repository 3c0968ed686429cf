import { availableParallelism } from 'node:os'
import type { ResourceLimits } from 'node:worker_threads'
import { badOption, checkChoice, checkInteger, checkOptions } from '../check.ts'
import type { RegionWorkersConfig } from '../engine/config.ts'
import { checkBudget } from '../engine/stages/budget.ts'
import type { FailureBudget } from '../engine/types.ts'
import type { WorkerOp } from '../engine/worker-op.ts'
import { checkInit, checkInitArgs } from '../workers/calls/worker-module.ts'
import { callSite } from './call-site.ts'

/**
 * Where the stages that follow run: in a region's workers, or on the loop that iterates the
 * pipeline. Made by {@link workers}; see {@link MAIN}.
 */
export type Placement = MainPlacement | WorkersPlacement

/** The caller's own loop. */
export interface MainPlacement {
  readonly type: 'main'
}

/** Workers of a region. */
export interface WorkersPlacement {
  readonly type: 'workers'
  readonly workers: RegionWorkersConfig
  /** Places of the region's exit queue. */
  readonly buffer: number
  readonly name: string | undefined
}

/** Options of {@link workers}. */
export interface WorkersOptions {
  /** How many, an integer >= 1. All are started with the pipeline. */
  readonly count: number
  /**
   * `'thread'` (default), or `'process'`: for what may crash, leak, or must be killable for sure.
   */
  readonly kind?: 'thread' | 'process'
  /**
   * `'completion'` (default): results leave as they come from the workers. `'input'`: in the order
   * of the region's input; the stages inside then keep their order, too.
   */
  readonly outputOrder?: 'completion' | 'input'
  /** Called in each worker before its first op, with `initArgs`; awaited. Default: none. */
  readonly init?: WorkerOp<never, unknown>
  /** What `init` is called with: anything that can be cloned, copied now. Default `undefined`. */
  readonly initArgs?: unknown
  /**
   * Workers that start at the same time, `init` and the loading of modules included, an integer >= 1.
   * Default: `os.availableParallelism()`.
   */
  readonly initConcurrency?: number
  /** Limits of memory of each worker, as for `node:worker_threads`. Default: none but Node's. */
  readonly resourceLimits?: ResourceLimits
  /**
   * Workers that an item may kill before it is given up (`ERR_WORKER_DIED`), an integer >= 1.
   * Default 2.
   */
  readonly maxDeaths?: number
  /**
   * How many items that killed their workers are endured. Default: that of `build()`, which is 0.
   */
  readonly maxFailures?: FailureBudget
  /** Places of the region's exit queue, an integer >= 1. Default 2. */
  readonly buffer?: number
  /** Name in statistics and errors. Default: made of the stages' names. */
  readonly name?: string
}

const known = [
  'count',
  'kind',
  'outputOrder',
  'init',
  'initArgs',
  'initConcurrency',
  'resourceLimits',
  'maxDeaths',
  'maxFailures',
  'buffer',
  'name',
] as const satisfies readonly (keyof WorkersOptions)[]

/** Ends a region: what follows runs on the loop that iterates the pipeline. */
export const MAIN: MainPlacement = Object.freeze({ type: 'main' })

/**
 * Workers for a region: the stages between `.to(workers(…))` and `.to(MAIN)` run as one nested
 * pipeline in each of them, and what they pass to one another never leaves its worker.
 *
 * @throws `ERR_BAD_OPTION` for a wrong option.
 *
 * @example
 * ```ts
 * const ops = workerModule<typeof Ops>(import.meta.resolve('./ops.js'))
 * const pipeline = new PipelineBuilder()
 *   .addSource(paths)
 *   .to(workers({ count: 4 }))
 *   .pipe(ops.decode)
 *   .pipe(ops.resize)
 *   .to(MAIN)
 *   .aggregate(32)
 *   .build()
 * ```
 */
export function workers(options: WorkersOptions): WorkersPlacement {
  const where = callSite()
  checkOptions(options, known, where)
  const {
    count,
    kind = 'thread',
    outputOrder = 'completion',
    init,
    initConcurrency = availableParallelism(),
    resourceLimits,
    maxDeaths = 2,
    maxFailures,
    buffer = 2,
    name,
  } = options
  checkInteger('count', count, 1, where)
  checkChoice('kind', kind, ['thread', 'process'], where)
  checkChoice('outputOrder', outputOrder, ['completion', 'input'], where)
  checkInteger('maxDeaths', maxDeaths, 1, where)
  checkInteger('buffer', buffer, 1, where)
  if (maxFailures !== undefined) checkBudget(maxFailures, where)
  checkInit(init, where)
  checkInteger('initConcurrency', initConcurrency, 1, where)
  if (name !== undefined && (typeof name !== 'string' || name === ''))
    badOption('name', 'a text that is not empty', name, where)
  if (
    resourceLimits !== undefined &&
    (typeof resourceLimits !== 'object' || resourceLimits === null)
  )
    badOption('resourceLimits', 'an object', resourceLimits, where)
  const initArgs = checkInitArgs(options)
  const inits = { init, initArgs, initConcurrency }
  const config = { count, kind, outputOrder, ...inits, resourceLimits, maxDeaths, maxFailures }
  return Object.freeze({ type: 'workers', workers: Object.freeze(config), buffer, name })
}

/** Checks what `to()` is given. */
export function checkPlacement(
  placement: unknown,
  where: string | undefined,
): asserts placement is Placement {
  const type = (placement as { type?: unknown } | null | undefined)?.type
  if (type !== 'main' && type !== 'workers')
    badOption('placement', 'MAIN or what workers() returns', placement, where)
}
