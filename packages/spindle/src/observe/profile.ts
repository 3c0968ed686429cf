import { availableParallelism } from 'node:os'
import type { AnyBuilder, PipelineBuilder } from '../builder/builder.ts'
import { badOption } from '../check.ts'
import { checkCopy, isOf } from '../copies.ts'
import {
  type MergeConfig,
  PipelineConfig,
  type SourceConfig,
  type StageConfig,
} from '../engine/config.ts'
import { Pipeline } from '../engine/run/pipeline.ts'
import { messageOf } from '../errors.ts'
import {
  type Checked,
  durationMs,
  func,
  integer,
  is,
  options,
  type Rules,
  signal,
} from '../options/index.ts'
import { clockMs } from '../timers.ts'
import { callListener } from '../user-code.ts'
import { ThreadPool } from '../workers/calls/thread-pool.ts'
import { workerServices } from '../workers/for-engine.ts'
import { adviceOf, kneeOf, limitOf, type MeasuredChain, shapeOf } from './profile-advice.ts'
import { measureLevels, sourceOf, tolerant } from './profile-levels.ts'
import { printProfile } from './profile-text.ts'
import type { ProfileResult, SourceProfile, StageProfile } from './profile-types.ts'

/** Options of `profilePipeline()`. */
export interface ProfileOptions {
  /**
   * Number of items taken from the source, an integer >= 1. Each stage is measured with what the
   * stage before it made of them, several times over. Concurrencies above the number of a stage's
   * inputs are not tried. Default 200.
   */
  readonly inputs?: number
  /**
   * Concurrencies to try besides the stage's own, integers >= 1. Default 1, 2, 4, 8, 16, 32.
   * Aggregates, variants and regions run once, with their own concurrency.
   */
  readonly concurrencies?: readonly number[]
  /**
   * Required precision of a level: half-width of the 95 % interval of the mean over rounds,
   * relative to the mean. Default 0.05.
   */
  readonly precision?: number
  /**
   * Maximum time for a level, in milliseconds; its result then counts with the precision reached.
   * Default 2000.
   */
  readonly maxMsPerLevel?: number
  /** Called after each stage. */
  readonly onStage?: (stage: StageProfile) => void
  /** Aborts the profile; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

const profileOptions = options('ProfileOptions', {
  inputs: integer({ min: 1, default: 200, unit: 'items' }),
  concurrencies: is('an array of at least one integer >= 1', areLevels, {
    default: [1, 2, 4, 8, 16, 32],
  }),
  precision: is('a number above 0 and below 1', isShare, { default: 0.05 }),
  maxMsPerLevel: durationMs({ orInfinity: true, default: 2000, unit: 'ms' }),
  onStage: func(),
  signal: signal(),
} satisfies Rules<ProfileOptions>)

function areLevels(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((level) => Number.isInteger(level) && level >= 1)
  )
}

function isShare(value: unknown): boolean {
  return typeof value === 'number' && value > 0 && value < 1
}

/**
 * Measures each stage alone, at several concurrencies. Its inputs are what the stages before it
 * made of the first items of the source; they are kept in memory. A level is repeated until its
 * rate is precise enough. Stages run where they run in the pipeline (on the event loop, in an
 * executor).
 *
 * @throws `ERR_BAD_OPTION`; errors of the source; the signal's reason.
 *
 * @example
 * ```ts
 * const result = await profilePipeline(builder, { inputs: 100 })
 * console.log(String(result))
 * ```
 */
export async function profilePipeline(
  pipeline: AnyBuilder<unknown> | PipelineConfig<unknown>,
  options: ProfileOptions = {},
): Promise<ProfileResult> {
  const isBuilder = isOf(pipeline, 'PipelineBuilder')
  if (!isBuilder && !isOf(pipeline, 'PipelineConfig'))
    badOption('pipeline', 'a PipelineBuilder or its configuration', pipeline)
  checkCopy('pipeline', pipeline, isBuilder ? 'PipelineBuilder' : 'PipelineConfig')
  const config = isBuilder
    ? (pipeline as PipelineBuilder).getConfig()
    : (pipeline as PipelineConfig)
  const settings = profileOptions.check(options)
  const concurrencies = [...new Set(settings.concurrencies)].sort((a, b) => a - b)
  // One pool for all rounds, because a pipeline's own threads would be started again in each.
  const pool = new ThreadPool()
  try {
    const chain = await profileChain(config.source, config.stages, {
      ...settings,
      concurrencies,
      pool,
    })
    const [stages, sources] = [stagesOf(chain), sourcesOf(chain)]
    const cores = availableParallelism()
    const limit = limitOf(chain, cores)
    const advice = adviceOf(chain, limit, cores)
    const result = { stages, sources, limit, advice }
    return { ...result, toString: (columns) => printProfile(result, cores, columns) }
  } finally {
    await pool[Symbol.asyncDispose]()
  }
}

type Settings = Checked<typeof profileOptions.rules, ProfileOptions> & {
  readonly pool: ThreadPool
}

interface MeasuredStages extends MeasuredChain {
  readonly outputs: readonly unknown[]
}

async function profileChain(
  start: SourceConfig | MergeConfig,
  stages: readonly StageConfig[],
  settings: Settings,
): Promise<MeasuredStages> {
  const profiles: StageProfile[] = []
  const chains: MeasuredStages[] = []
  let source: SourceProfile | undefined
  let inputs: readonly unknown[]
  if (start.kind === 'source') {
    const taken = await take(start, settings.inputs, settings.signal)
    inputs = taken.items
    source = { name: start.name, perSecond: taken.perSecond }
  } else {
    for (const input of start.inputs)
      chains.push(await profileChain(input.source, input.stages, settings))
    const lists = chains.map((chain) => new PipelineConfig(sourceOf(chain.outputs), [], 16))
    inputs = (await run({ ...start, inputs: lists }, [], settings.signal)).outputs
  }
  const sourceItems = Math.max(1, inputs.length)
  for (const stage of stages) {
    if (inputs.length === 0) break
    const { profile, outputs } = await profileStage(stage, inputs, sourceItems, settings)
    profiles.push(profile)
    const { onStage } = settings
    callListener(
      () => onStage?.(profile),
      (error) => process.emitWarning(`spindle: \`onStage\` failed: ${messageOf(error)}`),
    )
    inputs = outputs
  }
  return {
    source,
    inputs: chains,
    stages: profiles,
    yield: inputs.length / sourceItems,
    outputs: inputs,
  }
}

/** In pipeline order: merged chains before the stages after the merge. */
function stagesOf({ inputs, stages }: MeasuredChain): readonly StageProfile[] {
  return [...inputs.flatMap(stagesOf), ...stages]
}

function sourcesOf({ inputs, source }: MeasuredChain): readonly SourceProfile[] {
  return [...inputs.flatMap(sourcesOf), ...(source === undefined ? [] : [source])]
}

async function profileStage(
  stage: StageConfig,
  inputs: readonly unknown[],
  sourceItems: number,
  settings: Settings,
): Promise<{ profile: StageProfile; outputs: readonly unknown[] }> {
  const { outputs, callMs } = await run(
    sourceOf(inputs),
    [tolerant(stage, undefined, settings.pool)],
    settings.signal,
  )
  const isVaried = stage.kind === 'pipe'
  const concurrency = isVaried ? stage.concurrency : 1
  const wanted = isVaried
    ? [...new Set([...settings.concurrencies, concurrency])].sort((a, b) => a - b)
    : [1]
  const filled = wanted.filter((level) => level <= inputs.length)
  const levels = await measureLevels(
    stage,
    filled.length > 0 ? filled : [inputs.length],
    inputs,
    callMs,
    settings,
  )
  const profile: StageProfile = {
    name: stage.name,
    where: stage.where,
    concurrency,
    levels,
    unfilled: wanted.filter((level) => level > inputs.length),
    knee: kneeOf(levels) ?? concurrency,
    shape: shapeOf(levels),
    sourceItemsPerInput: sourceItems / inputs.length,
  }
  return { profile, outputs }
}

async function take(
  source: SourceConfig,
  count: number,
  signal: AbortSignal | undefined,
): Promise<{ readonly items: readonly unknown[]; readonly perSecond: number | undefined }> {
  const items: unknown[] = []
  const config = new PipelineConfig({ ...source, continuous: false }, [], 1)
  const pipeline = new Pipeline<unknown>(config, buildOptions(signal), workerServices)
  let [firstAt, lastAt] = [0, 0]
  try {
    for await (const item of pipeline) {
      lastAt = clockMs()
      if (items.push(item) === 1) firstAt = lastAt
      if (items.length >= count) break
    }
  } finally {
    await pipeline.stop()
  }
  const elapsedMs = lastAt - firstAt
  return { items, perSecond: elapsedMs > 0 ? ((items.length - 1) * 1000) / elapsedMs : undefined }
}

async function run(
  start: SourceConfig | MergeConfig,
  stages: readonly StageConfig[],
  signal: AbortSignal | undefined,
): Promise<{ readonly outputs: readonly unknown[]; readonly callMs: number }> {
  const outputs: unknown[] = []
  const pipeline = new Pipeline<unknown>(
    new PipelineConfig(start, stages, 16),
    buildOptions(signal),
    workerServices,
  )
  await pipeline.forEach((item) => {
    outputs.push(item)
  })
  return { outputs, callMs: pipeline.stats().stages[1]?.meanMs ?? 0 }
}

function buildOptions(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal }
}
