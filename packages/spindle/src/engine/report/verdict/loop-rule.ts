import type { Bottleneck } from './bottleneck.ts'
import { gainOf, LEAST_GAIN, percent, stepOfRun, stepTo, times } from './gain.ts'
import {
  cpuBoundOfMore,
  type Loads,
  machineEvidence,
  nextLimit,
  round,
  type StageLoad,
} from './loads.ts'

/** Above this use, all stages wait for the event loop. */
const LOOP_FULL = 0.85
const HALF = 0.5
/** How long handing an item to a worker and back blocks the event loop, in milliseconds. */
const HAND_OVER_MS = 0.05
/** The share of a core's speed that is left when work moves to a worker. */
const MOVED = 0.9

/** The event loop is full, and ops block it. */
export function loopLimits(loads: Loads): Bottleneck | undefined {
  const { loop, sources, working } = loads
  if (loop.use < LOOP_FULL) return undefined
  const stages = [...sources, ...working]
  const worst = stages.reduce<StageLoad | undefined>(
    (most, stage) => (most === undefined || stage.held > most.held ? stage : most),
    undefined,
  )
  if (worst === undefined) return undefined
  return loop.byOps + loop.byConsumer >= HALF && worst.held >= loop.byConsumer
    ? heldBy(worst, loads)
    : undefined
}

/** The verdict on an op that blocks the event loop. */
function heldBy(worst: StageLoad, loads: Loads): Bottleneck {
  const { stats, loop, cpu } = loads
  const rest = Math.max(0, loop.use - worst.held)
  const gain = gainOf(loads, [worst.name], { loop: loopAfter(worst, loads), usesCpu: false })
  // In workers, the op runs on other cores, at the cost of handing items over.
  const factor = Math.min(gain.factor, MOVED * cpuBoundOfMore(cpu))
  const step = stepTo(1, worst.held, factor)
  const { to, promise } = stepOfRun(loads, step, 1, worst.stats.tasks, true)
  const isWorth = promise >= LEAST_GAIN
  return {
    stage: worst.name,
    kind: 'loop',
    reason: `its function blocks the event loop ${percent(worst.held)} of the time, and no other code runs during that time`,
    advice: adviceFor(worst, isWorth ? { workers: Math.max(2, to), promise } : undefined),
    evidence: {
      held: round(worst.held),
      heldByAllOps: round(loop.byOps),
      heldByConsumer: round(loop.byConsumer),
      meanMs: round(worst.stats.meanMs),
      perSecond: round((worst.stats.tasks * 1000) / stats.elapsedMs),
      ...machineEvidence(loads),
    },
    promise: isWorth ? promise : 1,
    headroom: Math.max(1, nextLimit(loads, [worst.name], rest).factor),
  }
}

/** The use of the event loop at the present throughput if the op ran elsewhere. */
function loopAfter({ stats, held }: StageLoad, { loop, stats: { elapsedMs } }: Loads): number {
  return Math.min(1, Math.max(0, loop.use - held) + (stats.tasks * HAND_OVER_MS) / elapsedMs)
}

function adviceFor(
  { name, stats }: StageLoad,
  move: { readonly workers: number; readonly promise: number } | undefined,
): string {
  if (stats.upstream.length === 0) {
    return 'let the source give cheap descriptors (paths, numbers of rows) and do the work in a stage that runs in worker threads, or run the whole pipeline in one with runPipelineInWorker()'
  }
  if (move === undefined) {
    return 'make it cheaper, or give it more items per call. Worker threads (workerModule) would free the event loop but not make it faster, because no core is free or other parts are as busy'
  }
  const { workers, promise } = move
  return `run it in worker threads: export it from a module and pipe workerModule<typeof Ops>(import.meta.resolve('./ops.js')).${name} with concurrency ${workers}. It is then about ${times(promise)} as fast, and the event loop is free`
}

/**
 * The event loop is full, but ops do not block it. Many small things fill it, such as beginning
 * calls, sockets and promises.
 */
export function loopIsFull(loads: Loads, busiest: StageLoad | undefined): Bottleneck | undefined {
  const { loop, stats } = loads
  if (loop.use < 0.92 || busiest === undefined) return undefined
  const calls = stats.stages.reduce((sum, { tasks }) => sum + tasks, 0)
  return {
    stage: busiest.name,
    kind: 'loop',
    reason: `the event loop is busy ${percent(loop.use)} of the time, ${percent(loop.byOps)} of it in ops: it has no time left for more calls`,
    advice:
      'give each call more to do (batches, larger reads), or run the stages in several threads: a region, with .to(workers({ count }))',
    evidence: {
      heldByAllOps: round(loop.byOps),
      callsPerSecond: round((calls * 1000) / stats.elapsedMs),
      ...machineEvidence(loads),
    },
    promise: 1,
    headroom: 1,
  }
}
