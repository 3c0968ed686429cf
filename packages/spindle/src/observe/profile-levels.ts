import { PipelineConfig, type SourceConfig, type StageConfig } from '../engine/config.ts'
import { Pipeline } from '../engine/run/pipeline.ts'
import type { StageStats } from '../engine/stats/pipeline-stats.ts'
import { isWorkerOp } from '../engine/worker-op.ts'
import { clockMs } from '../timers.ts'
import type { ThreadPool } from '../workers/calls/thread-pool.ts'
import { workerServices } from '../workers/for-engine.ts'
import type { ProfileLevel } from './profile-types.ts'
import { resourcesBetween } from './resources/interval.ts'
import { resourceUsage } from './resources/usage.ts'
import { median, spreadOf } from './sample.ts'

const LEAST_ROUNDS = 3
const MOST_ROUNDS = 50
/**
 * A shorter round is repeated over more inputs, in milliseconds: clock resolution and start-up
 * would distort it.
 */
const LEAST_ROUND_MS = 20
/**
 * Minimum number of inputs of a round per concurrent call. With fewer, the beginning and end of a
 * round, where not all calls are in flight, would distort it.
 */
const FILLS = 4
/** If there is no time for all inputs, this many rounds fit into the time of a level. */
const ROUNDS_IN_TIME = 4

/** Settings of the measurement of a level. */
export interface LevelSettings {
  readonly precision: number
  readonly maxMsPerLevel: number
  readonly signal?: AbortSignal | undefined
  readonly pool: ThreadPool
}

/**
 * Measures a stage at several concurrencies. Each level is warmed up; then all levels run a round
 * in turn, so that changes over time (compiled code, caches, other programs) affect them equally. A
 * level ends when its rate is precise enough or its time is over. `callMs`: approximate duration of
 * a call.
 */
export async function measureLevels(
  stage: StageConfig,
  concurrencies: readonly number[],
  inputs: readonly unknown[],
  callMs: number,
  settings: LevelSettings,
): Promise<readonly ProfileLevel[]> {
  const levels = concurrencies.map(
    (concurrency) => new Level(stage, concurrency, inputs, callMs, settings),
  )
  for (const level of levels) await level.warmUp()
  for (let round = 0; levels.some((level) => !level.isDone); round++) {
    const turn = round % 2 === 0 ? levels : levels.toReversed()
    for (const level of turn) if (!level.isDone) await level.run()
  }
  return levels.map((level) => level.result())
}

class Level {
  readonly #stage: StageConfig
  readonly #concurrency: number
  readonly #inputs: readonly unknown[]
  readonly #settings: LevelSettings
  readonly #rates: number[] = []
  readonly #used: { cores: number; busy: number }[] = []
  /** Number of inputs per round, and number of rounds so far. */
  #count: number
  #rounds = 0
  #spentMs = 0
  #failures = 0
  #given = 0
  #loopShare = 0
  #stats: StageStats | undefined

  constructor(
    stage: StageConfig,
    concurrency: number,
    inputs: readonly unknown[],
    callMs: number,
    settings: LevelSettings,
  ) {
    this.#stage = tolerant(stage, stage.kind === 'pipe' ? concurrency : undefined, settings.pool)
    this.#concurrency = concurrency
    this.#inputs = inputs
    this.#settings = settings
    const mostInTime =
      callMs > 0 ? (settings.maxMsPerLevel * concurrency) / callMs / ROUNDS_IN_TIME : Infinity
    const isDivisible = stage.kind === 'pipe'
    this.#count = Math.max(
      FILLS * concurrency,
      isDivisible ? Math.min(inputs.length, Math.ceil(mostInTime)) : inputs.length,
    )
  }

  get isDone(): boolean {
    const { precision, maxMsPerLevel } = this.#settings
    const rounds = this.#rates.length
    if (rounds >= LEAST_ROUNDS && spreadOf(this.#rates) <= precision) return true
    return rounds >= MOST_ROUNDS || (rounds > 0 && this.#spentMs > maxMsPerLevel)
  }

  /** One round for compiling code, filling file caches and starting workers. */
  async warmUp(): Promise<void> {
    const elapsedMs = await this.#round()
    if (elapsedMs < LEAST_ROUND_MS)
      this.#count = Math.ceil((this.#count * LEAST_ROUND_MS) / Math.max(elapsedMs, 0.5))
  }

  async run(): Promise<void> {
    const before = resourceUsage()
    const failedBefore = this.#failures
    const elapsedMs = await this.#round()
    const { cpuCores, machineBusy } = resourcesBetween(before, resourceUsage())
    const done = this.#count - (this.#failures - failedBefore)
    this.#rates.push((done * 1000) / elapsedMs)
    this.#used.push({ cores: cpuCores, busy: machineBusy })
  }

  async #round(): Promise<number> {
    const startedAt = clockMs()
    const { signal } = this.#settings
    const inputs = pick(this.#inputs, this.#count, this.#rounds++)
    const config = new PipelineConfig(sourceOf(inputs), [this.#stage], 16)
    const pipeline = new Pipeline(config, signal === undefined ? {} : { signal }, workerServices)
    await pipeline.forEach(() => {})
    const { stages, elapsedMs } = pipeline.stats()
    this.#stats = stages[1]
    this.#failures += this.#stats?.failures ?? 0
    this.#given += this.#count
    this.#loopShare = elapsedMs > 0 ? Math.min(1, (this.#stats?.loopMs ?? 0) / elapsedMs) : 0
    this.#spentMs += clockMs() - startedAt
    return Math.max(elapsedMs, 0.001)
  }

  result(): ProfileLevel {
    return {
      concurrency: this.#concurrency,
      perSecond: median(this.#rates),
      spread: spreadOf(this.#rates),
      rounds: this.#rates.length,
      p50Ms: this.#stats?.p50Ms ?? 0,
      p99Ms: this.#stats?.p99Ms ?? 0,
      loopShare: this.#loopShare,
      cpuCores: median(this.#used.map(({ cores }) => cores)),
      machineBusy: median(this.#used.map(({ busy }) => busy)),
      failures: this.#failures,
      failedShare: this.#given === 0 ? 0 : this.#failures / this.#given,
    }
  }
}

/** The stage as measured: failures are counted and do not end it. */
export function tolerant(
  stage: StageConfig,
  concurrency: number | undefined,
  pool: ThreadPool,
): StageConfig {
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

/**
 * `count` of the inputs, evenly spread, repeated if necessary. Each round gets others, so that
 * differences between inputs show in the spread of the rates.
 */
function* pick(inputs: readonly unknown[], count: number, round: number): Generator<unknown> {
  const stride = Math.max(1, inputs.length / count)
  for (let i = 0; i < count; i++) yield inputs[(round + Math.floor(i * stride)) % inputs.length]
}

/** A source that is never the bottleneck. */
export function sourceOf(items: Iterable<unknown>): SourceConfig {
  function* list(): Generator<unknown> {
    yield* items
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
