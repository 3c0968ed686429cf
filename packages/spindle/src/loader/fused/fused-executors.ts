import { isWorkerOp, type WorkerOp } from '../../engine/worker-op.ts'
import type { ThreadPool } from '../../workers/calls/thread-pool.ts'
import { referenceOf } from '../../workers/calls/worker-module.ts'
import type { LoaderExecutors } from '../loader-graph.ts'
import type { LoaderOptions } from '../loader-options.ts'
import { FusedCalls } from './fused-calls.ts'
import { WholeBatches } from './whole-batches.ts'

/** Maximum number of samples of a batch that one thread makes. */
const MOST_SAMPLES = 1024
/** Options of a stage that hold for fused calls too. Others are about single calls. */
const STAGE_OPTIONS = ['name', 'buffer', 'maxFailures', 'concurrency']

let loaders = 0

/** A number for the ops of one loader. */
export function nextOps(): number {
  return loaders++
}

/** Whether a thread may run `preprocess` and `collate` of a whole batch. */
export function canFuse(options: LoaderOptions): boolean {
  const { preprocess, batchSize = 1, collate, preprocessOptions, collateOptions, build } = options
  if (!isWorkerOp(preprocess) || !isWorkerOp(collate)) return false
  if (batchSize === 1 || batchSize > MOST_SAMPLES) return false
  // Hooks see each call, and a tuner measures single calls.
  if (build?.hooks !== undefined || build?.tune !== undefined) return false
  return [preprocessOptions, collateOptions].every(
    (more = {}) =>
      Object.keys(more).every((name) => STAGE_OPTIONS.includes(name)) &&
      ['undefined', 'number'].includes(typeof more.concurrency),
  )
}

/** The executors of a loader that {@link canFuse}. */
export function fusedExecutors(
  pool: ThreadPool,
  options: LoaderOptions,
  ops: number,
): LoaderExecutors {
  const { batchSize = 1, preprocessOptions, concurrency, outputOrder, resumable } = options
  // A resume state tells the members of a batch by their order.
  const isShifting = outputOrder === 'input' || (resumable ?? false) !== false
  const calls = new FusedCalls(pool, {
    ops,
    collate: referenceOf(options.collate as WorkerOp<never, unknown>),
    batchSize,
    concurrency: (preprocessOptions?.concurrency as number | undefined) ?? concurrency ?? 8,
    isShifting,
  })
  const aggregate = (): WholeBatches => new WholeBatches(batchSize)
  // The name of the stage.
  Object.defineProperty(aggregate, 'name', { value: String(batchSize) })
  return {
    preprocess: calls.samples,
    collate: calls.batches,
    transfer: pool,
    aggregate: isShifting ? undefined : aggregate,
  }
}
