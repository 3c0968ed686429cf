import { availableParallelism } from 'node:os'
import {
  type MergeConfig,
  PipelineConfig,
  type SourceConfig,
  type StageConfig,
} from '../engine/config.ts'
import { Pipeline } from '../engine/run/pipeline.ts'
import { messageOf } from '../errors.ts'
import { clockMs } from '../timers.ts'
import { callListener } from '../user-code.ts'
import { ThreadPool } from '../workers/calls/thread-pool.ts'
import { workerServices } from '../workers/for-engine.ts'
import { adviceOf, kneeOf, limitOf, type MeasuredChain, shapeOf } from './profile-advice.ts'
import { measureLevels, sourceOf, tolerant } from './profile-levels.ts'
import { printProfile } from './profile-text.ts'
import type {
  ProfileResult,
  ProfileSettings,
  SourceProfile,
  StageProfile,
} from './profile-types.ts'

/** Measures the stages of a pipeline one after the other. */
export async function profileConfig(
  config: PipelineConfig<unknown>,
  settings: ProfileSettings,
): Promise<ProfileResult> {
  // One pool for all rounds, because a pipeline's own threads would be started again in each.
  const pool = new ThreadPool()
  try {
    const chain = await profileChain(config.source, config.stages, { ...settings, pool })
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

type Settings = ProfileSettings & {
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
