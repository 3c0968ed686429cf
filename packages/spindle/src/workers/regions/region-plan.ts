import type {
  AggregateConfig,
  PipeConfig,
  RegionConfig,
  StageConfig,
  VariantsConfig,
} from '../../engine/config.ts'
import type { Range } from '../../engine/tuned.ts'
import type { RetrySettings, StageInfo } from '../../engine/types.ts'
import { isWorkerOp, type OpReference } from '../../engine/worker-op.ts'
import { SpindleError } from '../../errors.ts'
import { referenceOf as toReference } from '../calls/worker-module.ts'
import type { HangLimits } from './hang-detector.ts'
import type { OpPlan, RegionPlan, RetryPlan, StagePlan } from './region-protocol.ts'

/**
 * A region's stages as plain data for its workers. The builder has checked that this is possible.
 * `inner`: the proxies of its stages.
 */
export function planRegion(
  config: RegionConfig,
  { pipelineId, seed, mostLetters }: Pick<RegionPlan, 'pipelineId' | 'seed' | 'mostLetters'>,
  firstId: number,
  inner: readonly { readonly range: Range | undefined }[],
): RegionPlan {
  const { outputOrder, init, initArgs } = config.workers
  const isOrdered = outputOrder === 'input'
  return {
    pipelineId,
    seed,
    firstId,
    mostLetters,
    isTuned: inner.some(({ range }) => range !== undefined),
    stages: config.stages.map((stage) => planStage(stage, isOrdered)),
    init: init === undefined ? undefined : referenceOf(init, config.name),
    initArgs,
    isOrdered,
  }
}

/** The modules that the workers of a plan load. */
export function modulesOf({ init, stages }: RegionPlan): string[] {
  return [...(init === undefined ? [] : [init.href]), ...stages.flatMap(modulesOfStage)]
}

function modulesOfStage(stage: StagePlan): string[] {
  if (stage.kind === 'pipe') return stage.op.type === 'reference' ? [stage.op.reference.href] : []
  if (stage.kind === 'aggregate') return typeof stage.make === 'number' ? [] : [stage.make.href]
  return [stage.router.href, ...stage.paths.flat().flatMap(modulesOfStage)]
}

/** How much longer than its calls a worker may be silent, in milliseconds. */
const SILENT_MS = 1000

/** The limits on how long a region's worker may be blocked. `inner`: the proxies of its stages. */
export function hangLimits(
  stages: readonly StageConfig[],
  inner: readonly { readonly info: StageInfo; readonly timeoutMs: number | undefined }[],
): HangLimits {
  const limits = inner.flatMap(({ info: { id }, timeoutMs }): [number, number][] =>
    timeoutMs === undefined ? [] : [[id, timeoutMs]],
  )
  return {
    stages: new Map(limits),
    silentMs:
      limits.length === 0 ? Number.POSITIVE_INFINITY : Math.max(...stages.map(longest)) + SILENT_MS,
  }
}

/**
 * How long a stage may be silent, in milliseconds: `Infinity` if it runs user code without a limit.
 */
function longest(stage: StageConfig): number {
  if (stage.kind === 'aggregate') return stage.size === undefined ? Number.POSITIVE_INFINITY : 0
  if (stage.kind !== 'pipe') return Number.POSITIVE_INFINITY
  const { op, isElements, timeoutMs, retry } = stage
  if (timeoutMs !== undefined) return 2 * timeoutMs + (retry?.maxDelayMs ?? 0)
  return isElements || (typeof op === 'object' && !isWorkerOp(op)) ? 0 : Number.POSITIVE_INFINITY
}

function planStage(config: StageConfig, isOrdered: boolean): StagePlan {
  if (config.kind === 'pipe') return planPipe(config, isOrdered)
  if (config.kind === 'aggregate') return planAggregate(config)
  if (config.kind === 'variants') return planVariants(config, isOrdered)
  throw new SpindleError(
    'ERR_BAD_STATE',
    `a region cannot be inside another region: "${config.name}"`,
  )
}

function planPipe(config: PipeConfig, isOrdered: boolean): StagePlan {
  const { name, concurrency, range, outputOrder, timeoutMs, buffer, maxBytes, where, retry } =
    config
  return {
    kind: 'pipe',
    op: planOp(config),
    name,
    concurrency,
    range,
    // A region can only keep the order of its inputs if its stages do.
    outputOrder: isOrdered ? 'input' : outputOrder,
    retry: retry === undefined ? undefined : planRetry(retry),
    timeoutMs,
    buffer,
    maxBytes,
    where,
  }
}

function planRetry({ retries, minDelayMs, maxDelayMs, factor, jitter }: RetrySettings): RetryPlan {
  return { retries, minDelayMs, maxDelayMs, factor, jitter }
}

function planOp({ op, isElements, name }: PipeConfig): OpPlan {
  if (isElements) return { type: 'elements' }
  const isTable = typeof op === 'object' && !isWorkerOp(op)
  return isTable
    ? { type: 'table', table: op }
    : { type: 'reference', reference: referenceOf(op, name) }
}

function planAggregate(config: AggregateConfig): StagePlan {
  const { name, size, dropLast, buffer, where } = config
  return {
    kind: 'aggregate',
    make: size ?? referenceOf(config.make, name),
    name,
    dropLast,
    buffer,
    where,
  }
}

function planVariants(config: VariantsConfig, isOrdered: boolean): StagePlan {
  const { name, batched, lookAhead, buffer, where } = config
  const router = referenceOf(config.router, name)
  const paths = config.paths.map((path) => path.map((stage) => planStage(stage, isOrdered)))
  return { kind: 'variants', router, paths, batched, lookAhead, name, buffer, where }
}

function referenceOf(op: unknown, stage: string): OpReference {
  if (isWorkerOp(op)) return toReference(op)
  throw new SpindleError(
    'ERR_BAD_STATE',
    `stage "${stage}" cannot run in a region: its op is not given by reference`,
  )
}
