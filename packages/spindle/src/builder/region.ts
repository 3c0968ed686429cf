import type {
  AggregateConfig,
  PipeConfig,
  RegionConfig,
  StageConfig,
  VariantsConfig,
} from '../engine/config.ts'
import { isWorkerOp } from '../engine/worker-op.ts'
import { SpindleError } from '../errors.ts'
import type { WorkersPlacement } from './placement.ts'
import { nameOfOp, retryAlways } from './stage-options.ts'

/** A region that is open: it still receives stages. */
export interface OpenRegion {
  readonly placement: WorkersPlacement
  readonly stages: readonly StageConfig[]
  readonly where: string | undefined
}

/** Makes one stage of the region. @throws `ERR_BAD_STATE` if the region is empty. */
export function closeRegion({ placement, stages, where }: OpenRegion): RegionConfig {
  if (stages.length === 0) {
    throw new SpindleError(
      'ERR_BAD_STATE',
      `a region needs at least one stage between to(workers(…)) and its end${where === undefined ? '' : ` (${where})`}`,
    )
  }
  const { workers, buffer } = placement
  const name = placement.name ?? `region(${stages.map((stage) => stage.name).join('+')})`
  return Object.freeze({
    kind: 'region',
    stages: Object.freeze([...stages]),
    workers,
    name,
    buffer,
    where,
  })
}

/**
 * Checks that a stage can run in a region: all its parts must be transferable to the workers.
 * @throws `ERR_BAD_OPTION`
 */
export function checkInRegion(stage: StageConfig, region: WorkersPlacement): void {
  if (stage.kind === 'pipe') checkPipe(stage)
  else if (stage.kind === 'aggregate') checkAggregate(stage)
  else if (stage.kind === 'variants') checkVariants(stage, region)
}

/**
 * Checks that a stage outside regions has a function where only regions take a reference. @throws
 * `ERR_BAD_OPTION`
 */
export function checkOnMain(stage: StageConfig): void {
  const reference =
    stage.kind === 'aggregate' ? stage.make : stage.kind === 'variants' ? stage.router : undefined
  if (!isWorkerOp(reference)) return
  const place = stage.where === undefined ? '' : `, ${stage.where}`
  throw new SpindleError(
    'ERR_BAD_OPTION',
    `${reference.exportName} of ${reference.href} is given by reference, which aggregate() and pathVariants() accept only in a region: pass the function itself, or open a region with to(workers(…)) (stage "${stage.name}"${place})`,
  )
}

function checkPipe(stage: PipeConfig): void {
  const { op, executor, retry, rateLimit, isElements } = stage
  if (isWorkerOp(op) && op.defaults?.executor !== undefined)
    refuse(
      stage,
      'an op with workers of its own cannot run',
      'end the region before it with to(MAIN)',
    )
  if (executor !== undefined)
    refuse(
      stage,
      '`executor` has no meaning',
      "the region's workers are where its ops run: leave it out",
    )
  if (retry !== undefined && retry.shouldRetry !== retryAlways) {
    refuse(
      stage,
      '`retry.shouldRetry` is a function, which cannot leave this thread',
      'leave it out',
    )
  }
  if (retry?.delayMs !== undefined)
    refuse(stage, '`retry.delayMs` is a function, which cannot leave this thread', 'leave it out')
  if (rateLimit !== undefined)
    refuse(
      stage,
      '`rateLimit` would count the calls of each worker apart',
      'put the stage before or after the region',
    )
  if (isElements || isWorkerOp(op)) return
  if (typeof op === 'function') refuseClosure(stage, 'the op', nameOfOp(op))
  checkTable(stage, op)
}

/** Number of members to check. A larger table is checked as a whole only when it is sent. */
const LOOKED_AT = 1000

function checkTable(stage: PipeConfig, table: unknown): void {
  let left = LOOKED_AT
  for (const member of (table instanceof Map ? table.values() : table) as Iterable<unknown>) {
    if (left-- === 0) return
    if (typeof member === 'function' || typeof member === 'symbol') {
      const what = typeof member === 'function' ? 'a function' : 'a symbol'
      refuse(
        stage,
        `the ${nameOfOp(table)} contains ${what}, which cannot leave this thread`,
        'give plain data',
      )
    }
  }
}

function checkAggregate(stage: AggregateConfig): void {
  if (stage.size === undefined && !isWorkerOp(stage.make))
    refuseClosure(stage, 'the aggregator', stage.make.name || 'makeAggregator')
}

function checkVariants(stage: VariantsConfig, { workers }: WorkersPlacement): void {
  if (!isWorkerOp(stage.router)) refuseClosure(stage, 'the router', stage.router.name || 'route')
  if (workers.outputOrder === 'input' && !stage.batched) {
    refuse(
      stage,
      'pathVariants() gives results as they arrive, so the region cannot keep the order of its input',
      "use outputOrder: 'completion', or end the region before it",
    )
  }
}

function refuseClosure(stage: StageConfig, what: string, name: string): never {
  const exported = name === 'anonymous' ? 'op' : name
  refuse(
    stage,
    `${what} is a function of this thread; functions and their variables cannot cross to the region's workers`,
    `export it from a module and give workerModule<typeof Ops>(import.meta.resolve('./ops.js')).${exported}, or end the region before it with to(MAIN)`,
  )
}

function refuse(stage: StageConfig, wrong: string, remedy: string): never {
  const place = stage.where === undefined ? '' : `, ${stage.where}`
  throw new SpindleError(
    'ERR_BAD_OPTION',
    `in a region, ${wrong}: ${remedy} (stage "${stage.name}"${place})`,
  )
}

/** Whether any stage, including those in regions and paths, mixes its input items. */
export function mixes(stages: readonly StageConfig[]): boolean {
  return stages.some((stage) => {
    if (stage.kind === 'region') return mixes(stage.stages)
    return stage.kind === 'variants' ? stage.paths.some(mixes) : stage.kind === 'aggregate'
  })
}
