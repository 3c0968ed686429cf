import { availableParallelism } from 'node:os'
import type { PipelineStats, StageStats } from './stats.ts'

/** What limits a pipeline's throughput. */
export interface Bottleneck {
  /** Name of the stage; `'consumer'` when the pipeline waits for whoever takes its items. */
  readonly stage: string
  /**
   * `'stage'`: its slots are busy. `'executor'`: its calls wait for a worker. `'loop'`: it holds the event loop, where nothing else runs
   * meanwhile. `'source'`: the stages wait for it. `'consumer'`: finished items wait for it.
   */
  readonly kind: 'stage' | 'executor' | 'loop' | 'source' | 'consumer'
  readonly reason: string
  readonly advice: string
  /** How many times faster the pipeline would be if this were infinitely fast: what comes next limits it then. At most 100. */
  readonly headroom: number
}

/** What one part of the pipeline uses of what it has, 0 to 1. */
interface Load {
  readonly name: string
  readonly share: number
}

const MOST_HEADROOM = 100
/** Above this share of its time the loop is what all stages wait for. */
const LOOP_FULL = 0.85
const STARVED = 0.5

/**
 * Names what limits throughput: the part that works (or holds the loop) most of its time. A part that is used to the share `u` can go `1 / u`
 * times faster before it limits, so the headroom is the inverse of the largest share among the others.
 */
export function findBottleneck(stats: PipelineStats): Bottleneck | undefined {
  const { stages, elapsedMs, items } = stats
  if (items === 0 || elapsedMs <= 0) return undefined
  const sources = stages.filter((stage) => stage.upstream.length === 0)
  const working = stages.filter((stage) => stage.upstream.length > 0 && stage.tasks > 0)
  const loads: Load[] = [
    ...[...sources, ...working].map((stage) => ({ name: stage.name, share: loadOf(stage) })),
    { name: 'consumer', share: stats.consumer.busy },
  ]
  const headroom = (but: string, loop: number): number => {
    const next = Math.max(loop, ...loads.filter(({ name }) => name !== but).map(({ share }) => share))
    return Math.min(MOST_HEADROOM, Math.max(1, 1 / Math.max(next, 1 / MOST_HEADROOM)))
  }
  return (
    consumerLimits(stats, headroom) ??
    loopLimits(stats, [...sources, ...working], headroom) ??
    stageLimits(stats, sources, working, headroom)
  )
}

type Headroom = (but: string, loop: number) => number

function consumerLimits(stats: PipelineStats, headroom: Headroom): Bottleneck | undefined {
  const { stages, consumer, elapsedMs, loopUtilization } = stats
  const queue = stages.at(-1)?.queue
  if (queue === undefined || consumer.busy < STARVED) return undefined
  const isReady = queue.occupancy >= 1 - STARVED
  // It computes where the pipeline runs: its items may come late for that very reason, and its stages look busy.
  const isHolding = loopUtilization >= LOOP_FULL && heldByOps(stages) / elapsedMs < STARVED
  if (!isReady && !isHolding) return undefined
  const reason = isReady
    ? `finished items wait for it: the sink held some ${percent(queue.occupancy)} of the time, and the consumer is busy ${percent(consumer.busy)}`
    : `it holds the event loop, on which the pipeline runs, too: it is busy ${percent(consumer.busy)} of the time`
  return {
    stage: 'consumer',
    kind: 'consumer',
    reason,
    advice: isHolding
      ? 'let the pipeline run off its loop, with runPipelineInWorker(), or give what it computes to worker threads'
      : 'the pipeline is faster than it needs to be: make the consumer faster, give part of its work to a stage, or let several consumers share the items',
    headroom: isReady
      ? headroom('consumer', 0)
      : Math.min(MOST_HEADROOM, 1 / Math.max(1 - consumer.busy, 0.01)),
  }
}

/** How long ops have held the loop, together. */
function heldByOps(stages: readonly StageStats[]): number {
  return stages.reduce((sum, stage) => sum + stage.loopMs, 0)
}

/** The loop is full, and it is the ops themselves that fill it. */
function loopLimits(
  { elapsedMs, loopUtilization, consumer }: PipelineStats,
  stages: readonly StageStats[],
  headroom: Headroom,
): Bottleneck | undefined {
  const held = heldByOps(stages) + consumer.loopMs
  if (loopUtilization < LOOP_FULL || held / elapsedMs < STARVED) return undefined
  const worst = stages.reduce((most, stage) => (stage.loopMs > most.loopMs ? stage : most))
  if (consumer.loopMs > worst.loopMs) return undefined
  const share = Math.min(1, worst.loopMs / elapsedMs)
  const rest = Math.max(0, Math.min(1, held / elapsedMs) - share)
  const cores = availableParallelism()
  return {
    stage: worst.name,
    kind: 'loop',
    reason: `its function holds the event loop ${percent(share)} of the time, in which nothing else is started or noticed`,
    advice: `run it in worker threads: export it from a module and pipe workerModule<typeof Ops>(import.meta.resolve('./ops.js')).${worst.name} with concurrency ${Math.max(2, cores)}; ${cores} cores make that stage up to ${cores} times faster and free the loop`,
    headroom: headroom(worst.name, rest),
  }
}

function stageLimits(
  { elapsedMs, loopUtilization }: PipelineStats,
  sources: readonly StageStats[],
  working: readonly StageStats[],
  headroom: Headroom,
): Bottleneck | undefined {
  const busiest = most(working)
  const source = most(sources)
  if (source !== undefined && (busiest === undefined || isStarvedBy(source, busiest))) {
    const share = loadOf(source)
    return {
      stage: source.name,
      kind: 'source',
      reason: `the stages wait for it: it works ${percent(share)} of the time, the busiest stage ${percent(busiest === undefined ? 0 : loadOf(busiest))}`,
      advice:
        'make the source faster (read ahead, read in parallel), or let it give descriptors and do the work in a stage with more concurrency',
      headroom: headroom(source.name, 0),
    }
  }
  if (busiest === undefined) return undefined
  const { name, concurrency, shares } = busiest
  const factor = headroom(name, loopShareWithout(busiest, loopUtilization, elapsedMs))
  if (shares.queued > shares.running) {
    return {
      stage: name,
      kind: 'executor',
      reason: `its calls wait for a free worker ${percent(shares.queued)} of the time and work ${percent(shares.running)}`,
      advice:
        'give its executor more workers if there are cores for them, or a pool of its own; a higher `concurrency` only makes the queue longer',
      headroom: factor,
    }
  }
  return {
    stage: name,
    kind: 'stage',
    reason: `its ${concurrency} ${concurrency === 1 ? 'slot is' : 'slots are'} busy ${percent(shares.running)} of the time${shares.blocked > 0.1 ? ` and blocked ${percent(shares.blocked)}` : ''}`,
    advice: adviceFor(busiest, factor),
    headroom: factor,
  }
}

function adviceFor({ concurrency, meanMs }: StageStats, headroom: number): string {
  const wanted = Math.max(concurrency + 1, Math.ceil(concurrency * Math.min(headroom, 4)))
  const gain = Math.min(headroom, wanted / concurrency)
  const threads = Number(process.env.UV_THREADPOOL_SIZE ?? 4)
  const pool =
    wanted > threads
      ? `; if it works in Node's own thread pool (files, zlib, crypto, sharp), set UV_THREADPOOL_SIZE, which is ${threads}, to as many`
      : ''
  return `raise its \`concurrency\` from ${concurrency} to ${wanted} if what it waits for allows it (up to ${gain.toFixed(1)} times the throughput), make its op cheaper (${meanMs.toPrecision(3)} ms each), or split it by what it waits for${pool}`
}

/** The loop's load from everything but one stage. */
function loopShareWithout({ loopMs }: StageStats, utilization: number, elapsedMs: number): number {
  return Math.max(0, utilization - loopMs / elapsedMs)
}

function isStarvedBy(source: StageStats, busiest: StageStats): boolean {
  return loadOf(source) > loadOf(busiest)
}

/** Share of its slots' time in which a stage works or waits for a worker. */
function loadOf({ shares }: StageStats): number {
  return shares.running + shares.queued
}

function most(stages: readonly StageStats[]): StageStats | undefined {
  return stages.reduce<StageStats | undefined>(
    (busiest, stage) => (busiest === undefined || loadOf(stage) > loadOf(busiest) ? stage : busiest),
    undefined,
  )
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}
