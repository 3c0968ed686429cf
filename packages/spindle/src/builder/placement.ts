import { availableParallelism } from 'node:os'
import type { ResourceLimits } from 'node:worker_threads'
import { badOption } from '../check.ts'
import type { RegionWorkersConfig } from '../engine/config.ts'
import { failureBudget } from '../engine/stages/budget.ts'
import type { FailureBudget } from '../engine/types.ts'
import type { WorkerOp } from '../engine/worker-op.ts'
import {
  anything,
  choice,
  either,
  integer,
  is,
  minToMax,
  options,
  type Rules,
  text,
} from '../options/index.ts'
import { copyInitArgs, initRule } from '../workers/calls/worker-module.ts'
import { limitsRule } from '../workers/supervise/resource-limits.ts'
import { callSite } from './call-site.ts'
import { bufferRule } from './stage-options.ts'

/**
 * Where the following stages run: in a region's workers, or on the event loop that iterates the
 * pipeline. See {@link workers} and {@link MAIN}.
 */
export type Placement = MainPlacement | WorkersPlacement

/** The event loop of the caller. */
export interface MainPlacement {
  readonly type: 'main'
}

/** The workers of a region. */
export interface WorkersPlacement {
  readonly type: 'workers'
  readonly workers: RegionWorkersConfig
  /** Capacity of the region's exit queue. */
  readonly buffer: number
  readonly name: string | undefined
}

/** Options of {@link workers}. */
export interface WorkersOptions {
  /**
   * Number of workers, an integer >= 1. All of them start with the pipeline. With a range, the
   * pipeline starts with `max` workers and its tuner finds the best number, from `min` (default 1).
   */
  readonly count: number | { readonly min?: number; readonly max: number }
  /**
   * `'thread'` (default) or `'process'`. Use processes for code that may crash or leak, or that
   * must be killable at any time.
   */
  readonly kind?: 'thread' | 'process'
  /**
   * `'completion'` (default): results leave as the workers finish them. `'input'`: results leave in
   * the order of the region's input; the stages inside then keep their order too.
   */
  readonly outputOrder?: 'completion' | 'input'
  /**
   * Called in each worker with `initArgs` before its first op. The worker waits for its promise.
   * Default: none.
   */
  readonly init?: WorkerOp<never, unknown>
  /**
   * The argument of `init`: any value that can be cloned. It is copied now. Default `undefined`.
   */
  readonly initArgs?: unknown
  /**
   * Workers that may start at the same time, an integer >= 1. Starting includes loading modules and
   * `init`. Default: `os.availableParallelism()`.
   */
  readonly initConcurrency?: number
  /**
   * Memory limits of each worker, as for `node:worker_threads`. Processes have no
   * `codeRangeSizeMb`, and round the others to whole MiB. Default: Node's own limits.
   */
  readonly resourceLimits?: ResourceLimits
  /**
   * How many workers an item may kill before it fails with `ERR_WORKER_DIED`, an integer >= 1.
   * Default 2.
   */
  readonly maxDeaths?: number
  /**
   * How many items that killed their workers are tolerated. Default: the value given to `build()`,
   * which is 0 by default.
   */
  readonly maxFailures?: FailureBudget
  /** Capacity of the region's exit queue in items, an integer >= 1. Default 2. */
  readonly buffer?: number
  /** Name in statistics and errors. Default: composed of the stages' names. */
  readonly name?: string
}

type CountRange = Extract<WorkersOptions['count'], object>

const countRange = options(
  'WorkersOptions.count',
  {
    min: integer({ min: 1, default: 1, unit: 'workers' }),
    max: integer({ min: 1, required: true, unit: 'workers' }),
  } satisfies Rules<CountRange>,
  undefined,
  minToMax,
)

const workersRules = {
  count: either(is('an integer >= 1 or { min, max }', isCount), countRange, {
    required: true,
    unit: 'workers',
  }),
  kind: choice(['thread', 'process'], { default: 'thread' }),
  outputOrder: choice(['completion', 'input'], { default: 'completion' }),
  init: initRule,
  initArgs: anything(),
  initConcurrency: integer({ min: 1, defaultOf: availableParallelism, unit: 'workers' }),
  resourceLimits: limitsRule,
  maxDeaths: integer({ min: 1, default: 2, unit: 'workers' }),
  maxFailures: failureBudget,
  buffer: bufferRule,
  name: text(),
} satisfies Rules<WorkersOptions>

const workersOptions = options(
  'WorkersOptions',
  workersRules,
  undefined,
  ({ kind, resourceLimits }) =>
    kind === 'process' && resourceLimits?.codeRangeSizeMb !== undefined
      ? ['resourceLimits', 'without `codeRangeSizeMb`, which processes do not have']
      : undefined,
)

function isCount(count: unknown): boolean {
  return Number.isSafeInteger(count) && (count as number) >= 1
}

/** Ends a region: the following stages run on the event loop that iterates the pipeline. */
export const MAIN: MainPlacement = Object.freeze({ type: 'main' })

/**
 * Makes the placement of a region. The stages between `.to(workers(…))` and `.to(MAIN)` run as one
 * nested pipeline in each worker, and intermediate results never leave their worker.
 *
 * @throws `ERR_BAD_OPTION` for an invalid option.
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
  const { buffer, name, count, ...config } = copyInitArgs(workersOptions.check(options, where))
  const workersConfig = { ...config, ...countsOf(count, where) }
  return Object.freeze({ type: 'workers', workers: Object.freeze(workersConfig), buffer, name })
}

function countsOf(
  count: WorkersOptions['count'],
  where: string | undefined,
): Pick<RegionWorkersConfig, 'count' | 'minCount' | 'isRange'> {
  if (typeof count === 'number') return { count, minCount: 1, isRange: false }
  const { min, max } = countRange.check(count, where)
  return { count: max, minCount: min, isRange: true }
}

/** Checks the argument of `to()`. */
export function checkPlacement(
  placement: unknown,
  where: string | undefined,
): asserts placement is Placement {
  const type = (placement as { type?: unknown } | null | undefined)?.type
  if (type !== 'main' && type !== 'workers')
    badOption('placement', 'MAIN or what workers() returns', placement, where)
}
