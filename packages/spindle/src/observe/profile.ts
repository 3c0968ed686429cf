import { PipelineBuilder } from '../builder/builder.ts'
import { badOption, checkInteger, checkOptions } from '../check.ts'
import { type MergeConfig, PipelineConfig, type SourceConfig, type StageConfig } from '../engine/config.ts'
import { Pipeline } from '../engine/pipeline.ts'
import type { StageStats } from '../engine/stats.ts'
import { messageOf } from '../errors.ts'
import { ThreadPool } from '../placement/thread-pool.ts'
import { isWorkerOp } from '../placement/worker-op.ts'
import { clockMs } from '../timers.ts'
import { callListener } from '../user-code.ts'
import { printProfile } from './profile-text.ts'
import { median, spreadOf } from './sample.ts'

/** Options of `profilePipeline()`. */
export interface ProfileOptions {
  /** Items taken from the source, an integer >= 1; each stage gets what the one before made of them. Default 200. */
  readonly inputs?: number
  /** Concurrencies to try, integers >= 1. Default 1, 2, 4, 8, 16, 32. Aggregates, variants and regions run once, as they are. */
  readonly concurrencies?: readonly number[]
  /** How near the rounds of a level must be to each other: the half-width of their mean's 95 % interval as a share of it. Default 0.05. */
  readonly precision?: number
  /** The longest a level may take, in milliseconds: then what was measured counts. Default 2000. */
  readonly maxMsPerLevel?: number
  /** Called when a stage is done. */
  readonly onStage?: (stage: StageProfile) => void
  /** Ends the profile early; it rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/** One stage at one concurrency. */
export interface ProfileLevel {
  readonly concurrency: number
  /** Inputs that the stage takes a second, alone. */
  readonly perSecond: number
  /** Half-width of the 95 % confidence interval of `perSecond`, as a share of it. */
  readonly spread: number
  readonly rounds: number
  /** Time of a call in milliseconds: median and 99th percentile. */
  readonly p50Ms: number
  readonly p99Ms: number
  /** Share of the time for which the stage's op held the loop. */
  readonly loopShare: number
  /** Inputs that failed, in all rounds. */
  readonly failures: number
}

/** A stage alone, at several concurrencies. */
export interface StageProfile {
  readonly name: string
  readonly where: string | undefined
  /** The concurrency it has in the pipeline. */
  readonly concurrency: number
  readonly levels: readonly ProfileLevel[]
  /** The least concurrency that gives 90 % of the best rate. */
  readonly knee: number
  /** `'scales'`: the highest level is still clearly better; `'flat'`: it never helps; `'saturates'` between; `'falls'`: it hurts in the end. */
  readonly shape: 'scales' | 'saturates' | 'flat' | 'falls'
  /** Items of the source for which one input of this stage stands. */
  readonly sourceItemsPerInput: number
}

/** What `profilePipeline()` found. `String(result)` is for people. */
export interface ProfileResult {
  readonly stages: readonly StageProfile[]
  /** The stage that limits the pipeline if each had the concurrency of its knee, and the source items a second that it lets through. */
  readonly limit: { readonly stage: string; readonly perSecond: number } | undefined
  toString(): string
}

const CONCURRENCIES = [1, 2, 4, 8, 16, 32]
const LEAST_ROUNDS = 3
const MOST_ROUNDS = 50
/** A round shorter than this is repeated over more inputs: clocks and start-up would count too much. */
const LEAST_ROUND_MS = 20

/**
 * Runs each stage alone, at several concurrencies, over what the stages before it made of the first items of the source, which are kept in
 * memory. A level is repeated until its rate is known well enough. Stages run where they run in the pipeline (on the loop, in an executor).
 *
 * @throws `ERR_BAD_OPTION`; what the source throws; the signal's reason.
 *
 * @example
 * ```ts
 * const result = await profilePipeline(builder, { inputs: 100 })
 * console.log(String(result))
 * ```
 */
export async function profilePipeline(
  pipeline: PipelineBuilder<unknown> | PipelineConfig<unknown>,
  options: ProfileOptions = {},
): Promise<ProfileResult> {
  const config = pipeline instanceof PipelineBuilder ? pipeline.getConfig() : pipeline
  if (!(config instanceof PipelineConfig))
    badOption('pipeline', 'a PipelineBuilder or its configuration', pipeline)
  const settings = checked(options)
  // One pool for all rounds: a pipeline's own threads would be started anew in each.
  const pool = new ThreadPool()
  try {
    const { stages } = await profileChain(config.source, config.stages, { ...settings, pool })
    const limit = limitOf(stages)
    return { stages, limit, toString: () => printProfile(stages, limit) }
  } finally {
    await pool[Symbol.asyncDispose]()
  }
}

interface Settings extends Checked {
  readonly pool: ThreadPool
}

type Checked = Required<Omit<ProfileOptions, 'onStage' | 'signal'>> &
  Pick<ProfileOptions, 'onStage' | 'signal'>

function checked(options: ProfileOptions): Checked {
  checkOptions(options, ['inputs', 'concurrencies', 'precision', 'maxMsPerLevel', 'onStage', 'signal'])
  const { inputs = 200, concurrencies = CONCURRENCIES, precision = 0.05, maxMsPerLevel = 2000 } = options
  checkInteger('inputs', inputs, 1)
  if (!Array.isArray(concurrencies) || concurrencies.length === 0)
    badOption('concurrencies', 'an array of at least one integer', concurrencies)
  for (const concurrency of concurrencies) checkInteger('concurrencies', concurrency, 1)
  if (!(precision > 0 && precision < 1)) badOption('precision', 'a number above 0 and below 1', precision)
  if (!(maxMsPerLevel > 0)) badOption('maxMsPerLevel', 'a number of milliseconds > 0', maxMsPerLevel)
  const levels = [...new Set(concurrencies as readonly number[])].sort((a, b) => a - b)
  return { ...options, inputs, concurrencies: levels, precision, maxMsPerLevel }
}

interface Profiled {
  readonly stages: readonly StageProfile[]
  readonly outputs: readonly unknown[]
}

async function profileChain(
  start: SourceConfig | MergeConfig,
  stages: readonly StageConfig[],
  settings: Settings,
): Promise<Profiled> {
  const before: StageProfile[] = []
  let inputs: readonly unknown[]
  if (start.kind === 'source') inputs = await take(start, settings.inputs, settings.signal)
  else {
    const chains: Profiled[] = []
    for (const input of start.inputs) chains.push(await profileChain(input.source, input.stages, settings))
    before.push(...chains.flatMap((chain) => chain.stages))
    const lists = chains.map((chain) => new PipelineConfig(sourceOf(chain.outputs), [], 16))
    inputs = await run({ ...start, inputs: lists }, [], settings.signal)
  }
  const sourceItems = Math.max(1, inputs.length)
  for (const stage of stages) {
    if (inputs.length === 0) break
    const { profile, outputs } = await profileStage(stage, inputs, sourceItems, settings)
    before.push(profile)
    const { onStage } = settings
    callListener(
      () => onStage?.(profile),
      (error) => process.emitWarning(`spindle: \`onStage\` failed: ${messageOf(error)}`),
    )
    inputs = outputs
  }
  return { stages: before, outputs: inputs }
}

async function profileStage(
  stage: StageConfig,
  inputs: readonly unknown[],
  sourceItems: number,
  settings: Settings,
): Promise<{ profile: StageProfile; outputs: readonly unknown[] }> {
  const outputs = await run(sourceOf(inputs), [tolerant(stage, undefined, settings.pool)], settings.signal)
  const isVaried = stage.kind === 'pipe'
  const concurrency = isVaried ? stage.concurrency : 1
  const levels: ProfileLevel[] = []
  for (const level of isVaried ? settings.concurrencies : [1])
    levels.push(
      await measure(tolerant(stage, isVaried ? level : undefined, settings.pool), level, inputs, settings),
    )
  const best = Math.max(...levels.map(({ perSecond }) => perSecond))
  const knee = levels.find(({ perSecond }) => perSecond >= 0.9 * best)?.concurrency ?? concurrency
  const profile: StageProfile = {
    name: stage.name,
    where: stage.where,
    concurrency,
    levels,
    knee,
    shape: shapeOf(levels, best),
    sourceItemsPerInput: sourceItems / inputs.length,
  }
  return { profile, outputs }
}

function shapeOf(levels: readonly ProfileLevel[], best: number): StageProfile['shape'] {
  const [first, last] = [levels[0]?.perSecond ?? 0, levels.at(-1)?.perSecond ?? 0]
  if (last < 0.8 * best) return 'falls'
  if (best < 1.2 * first) return 'flat'
  const lastButOne = levels.at(-2)?.perSecond ?? last
  return last > 1.2 * lastButOne ? 'scales' : 'saturates'
}

/** The stage as it is measured: failures are counted and never end it. */
function tolerant(stage: StageConfig, concurrency: number | undefined, pool: ThreadPool): StageConfig {
  if (stage.kind !== 'pipe') return stage
  const own = concurrency ?? stage.concurrency
  return {
    ...stage,
    maxFailures: Number.POSITIVE_INFINITY,
    concurrency: own,
    buffer: Math.max(stage.buffer, own),
    executor: isWorkerOp(stage.run) ? (stage.executor ?? pool) : stage.executor,
  }
}

async function measure(
  stage: StageConfig,
  concurrency: number,
  inputs: readonly unknown[],
  { precision, maxMsPerLevel, signal }: Settings,
): Promise<ProfileLevel> {
  const startedAt = clockMs()
  const rates: number[] = []
  let times = 1
  let stats: StageStats | undefined
  let [elapsedMs, failures] = [0, 0]
  // The first round warms up: code is compiled, files are cached, workers started.
  for (let round = 0; round <= MOST_ROUNDS; round++) {
    const pipeline = new Pipeline(
      new PipelineConfig(sourceOf(inputs, times), [stage], 16),
      buildOptions(signal),
    )
    await pipeline.forEach(() => {})
    const figures = pipeline.stats()
    stats = figures.stages[1]
    elapsedMs = figures.elapsedMs
    failures += stats?.failures ?? 0
    if (round > 0) rates.push((inputs.length * times * 1000) / elapsedMs)
    const isEnough = rates.length >= LEAST_ROUNDS && spreadOf(rates) <= precision
    if (isEnough || (rates.length > 0 && clockMs() - startedAt > maxMsPerLevel)) break
    if (round === 0 && elapsedMs < LEAST_ROUND_MS)
      times = Math.ceil(LEAST_ROUND_MS / Math.max(elapsedMs, 0.5))
  }
  return {
    concurrency,
    perSecond: median(rates),
    spread: spreadOf(rates),
    rounds: rates.length,
    p50Ms: stats?.p50Ms ?? 0,
    p99Ms: stats?.p99Ms ?? 0,
    loopShare: elapsedMs > 0 ? Math.min(1, (stats?.loopMs ?? 0) / elapsedMs) : 0,
    failures,
  }
}

async function take(
  source: SourceConfig,
  count: number,
  signal: AbortSignal | undefined,
): Promise<readonly unknown[]> {
  const items: unknown[] = []
  const config = new PipelineConfig({ ...source, continuous: false }, [], 1)
  const pipeline = new Pipeline<unknown>(config, buildOptions(signal))
  try {
    for await (const item of pipeline) {
      items.push(item)
      if (items.length >= count) break
    }
  } finally {
    await pipeline.stop()
  }
  return items
}

async function run(
  start: SourceConfig | MergeConfig,
  stages: readonly StageConfig[],
  signal: AbortSignal | undefined,
): Promise<readonly unknown[]> {
  const outputs: unknown[] = []
  const pipeline = new Pipeline<unknown>(new PipelineConfig(start, stages, 16), buildOptions(signal))
  await pipeline.forEach((item) => {
    outputs.push(item)
  })
  return outputs
}

function buildOptions(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal }
}

/** A source that is never what is waited for: a list in memory, given several times. */
function sourceOf(items: readonly unknown[], times = 1): SourceConfig {
  function* list(): Generator<unknown> {
    for (let i = 0; i < times; i++) yield* items
  }
  return {
    kind: 'source',
    source: list,
    name: 'source',
    continuous: false,
    buffer: 64,
    resume: undefined,
    dataset: undefined,
    where: undefined,
  }
}

function limitOf(stages: readonly StageProfile[]): ProfileResult['limit'] {
  return stages
    .map((stage) => {
      const best = stage.levels.find(({ concurrency }) => concurrency === stage.knee)?.perSecond ?? 0
      return { stage: stage.name, perSecond: best * stage.sourceItemsPerInput }
    })
    .reduce<ProfileResult['limit']>(
      (least, each) => (least === undefined || each.perSecond < least.perSecond ? each : least),
      undefined,
    )
}
