import type {
  AggregateConfig,
  PipeConfig,
  StageConfig,
  VariantsConfig,
} from '../../../engine/config.ts'
import { Collate, checkedAggregator } from '../../../engine/stages/aggregate-stage.ts'
import { subjectOf } from '../../../engine/stages/context.ts'
import { elementsOf } from '../../../engine/stages/flat-map-stage.ts'
import { lookUp } from '../../../engine/stages/look-up.ts'
import type { Aggregator, StageContext } from '../../../engine/types.ts'
import type { OpReference } from '../../../engine/worker-op.ts'
import { InfrastructureError, messageOf } from '../../../errors.ts'
import { type GeneratorLike, isGenerator } from '../../../user-code.ts'
import { loadOp, type Op } from '../../supervise/worker-modules.ts'
import type {
  AggregatePlan,
  OpPlan,
  PipePlan,
  StagePlan,
  VariantsPlan,
} from '../region-protocol.ts'
import { seqOf } from './input-tracker.ts'
import type { BlockingCalls } from './main-channel.ts'

/**
 * Makes stages from their plans: loads the modules of their ops.
 *
 * @throws `ERR_WORKER_MODULE`, `ERR_WORKER_START`
 */
export async function loadStages(plans: readonly StagePlan[]): Promise<StageConfig[]> {
  const configs: StageConfig[] = []
  // One at a time, so that `init` functions run in the order of the stages.
  for (const plan of plans) configs.push(await loadStage(plan))
  return configs
}

function loadStage(plan: StagePlan): Promise<StageConfig> {
  if (plan.kind === 'pipe') return loadPipe(plan)
  return plan.kind === 'aggregate' ? loadAggregate(plan) : loadVariants(plan)
}

async function loadPipe(plan: PipePlan): Promise<PipeConfig> {
  const run = await loadRun(plan.op)
  return {
    ...plan,
    op: run,
    run,
    isElements: false,
    executor: undefined,
    retry:
      plan.retry === undefined
        ? undefined
        : { ...plan.retry, shouldRetry: () => true, delayMs: undefined },
    rateLimit: undefined,
    // The main side counts failures, for all workers together.
    maxFailures: Number.POSITIVE_INFINITY,
  }
}

async function loadRun(op: OpPlan): Promise<Op> {
  if (op.type === 'elements') return elementsOf as Op
  if (op.type === 'reference') return loadOp(op.reference)
  return lookUp(op.table as readonly unknown[]) as Op
}

async function loadAggregate({ make, ...plan }: AggregatePlan): Promise<AggregateConfig> {
  if (typeof make === 'number') return { ...plan, size: make, make: () => new Collate(make) }
  const factory = await loadOp(make)
  return { ...plan, size: undefined, make: () => makeAggregator(factory, make) }
}

function makeAggregator(
  factory: Op,
  { href, exportName }: OpReference,
): Aggregator<unknown, unknown> {
  try {
    return checkedAggregator(
      factory(undefined, undefined) as Aggregator<unknown, unknown>,
      undefined,
    )
  } catch (cause) {
    const message = `aggregator ${exportName} of ${href} cannot be made: ${messageOf(cause)}`
    throw new InfrastructureError('ERR_WORKER_START', message, { cause })
  }
}

async function loadVariants(plan: VariantsPlan): Promise<VariantsConfig> {
  const router = (await loadOp(plan.router)) as (item: unknown) => unknown
  const paths: StageConfig[][] = []
  for (const path of plan.paths) paths.push(await loadStages(path))
  return { ...plan, router, paths }
}

/** The stages with ops that report when they block the worker, for stages with a time limit. */
export function withBlockingCalls(
  configs: readonly StageConfig[],
  blockingCalls: BlockingCalls,
): StageConfig[] {
  return configs.map((config) => {
    if (config.kind === 'variants')
      return {
        ...config,
        paths: config.paths.map((path) => withBlockingCalls(path, blockingCalls)),
      }
    if (config.kind !== 'pipe' || config.timeoutMs === undefined) return config
    return { ...config, run: timed(config.run as Op, blockingCalls) }
  })
}

function timed(op: Op, blockingCalls: BlockingCalls): PipeConfig['run'] {
  return (item: unknown, context: StageContext): unknown => {
    const { id } = context.stage
    const seq = seqOf(subjectOf(context))
    const held = <R>(call: () => R): R => {
      blockingCalls.begin(id, seq)
      try {
        return call()
      } finally {
        blockingCalls.end()
      }
    }
    const result = held(() => op(item, context))
    return isGenerator(result) ? steps(result, held) : result
  }
}

/** A generator whose steps count as calls. */
function steps(outputs: GeneratorLike, held: <R>(call: () => R) => R): GeneratorLike {
  return {
    next: () => held(() => outputs.next()),
    return: (value?: unknown) => held(() => outputs.return?.(value)),
    throw: (error: unknown) => {
      throw error
    },
    [Symbol.iterator]() {
      return this
    },
  } as GeneratorLike
}
