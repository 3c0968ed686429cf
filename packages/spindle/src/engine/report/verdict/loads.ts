import type { CpuStats } from '../../stats/cpu-use.ts'
import type { PipelineStats, StageStats } from '../../stats/pipeline-stats.ts'

/**
 * How much of its capacity each part of a pipeline uses. The rules of the verdict work on these
 * figures.
 */
export interface Loads {
  readonly stats: PipelineStats
  readonly sources: readonly StageLoad[]
  /** The stages that have processed items, without sources. */
  readonly working: readonly StageLoad[]
  readonly pools: readonly PoolLoad[]
  readonly cpu: CpuLoad
  readonly loop: LoopLoad
}

export interface StageLoad {
  readonly stats: StageStats
  readonly name: string
  /** Share of slot-time in use for any purpose, 0 to 1. */
  readonly use: number
  /** Mean number of calls at work. */
  readonly running: number
  /** Share of the time in which its calls block the event loop. */
  readonly held: number
}

/** The workers that run the calls of one or more stages. */
export interface PoolLoad {
  readonly pool: number
  /** Number of workers. `undefined` if the executor does not tell. */
  readonly workers: number | undefined
  readonly kind: WorkersKind
  readonly stages: readonly StageLoad[]
  /** Mean number of busy workers, and the same as a share of all. */
  readonly busy: number
  readonly use: number
}

export type WorkersKind = 'thread' | 'process' | 'executor'

export interface CpuLoad extends CpuStats {
  /**
   * Cores that the pipeline can get: those that others leave, but at least half, because the system
   * shares cores fairly.
   */
  readonly available: number
  /** Whether the cores are used up and the pipeline needs more. */
  readonly isUsedUp: boolean
}

export interface LoopLoad {
  readonly use: number
  /** Share of the time in which ops and `forEach` functions blocked the event loop. */
  readonly byOps: number
  readonly byConsumer: number
}

/** Above this use, the other parts wait for a part. */
export const FULL = 0.8
/** The cores count as used up if the process uses this share of what others leave. */
const USED_UP = 0.8
const MORE_THAN_ONE = 1.6
/** Threads that only start or collect garbage use less than this share of the available cores. */
const MUCH = 0.3
/** In a shorter run, starting and garbage collection dominate. */
const SHORT_MS = 2000
/**
 * Up to this share of the cores, the use by others may be caused by the pipeline itself: a server
 * on the same machine, for example.
 */
const FEW_OTHERS = 0.25

export function loadsOf(stats: PipelineStats): Loads {
  const stages = stats.stages.map((stage) => loadOf(stage, stats))
  const working = stages.filter(({ stats }) => stats.upstream.length > 0 && stats.tasks > 0)
  const loop = {
    use: stats.loopUtilization,
    byOps: Math.min(
      1,
      stages.reduce((sum, { held }) => sum + held, 0),
    ),
    byConsumer: Math.min(1, stats.consumer.loopMs / stats.elapsedMs),
  }
  return {
    stats,
    sources: stages.filter(({ stats }) => stats.upstream.length === 0),
    working,
    pools: poolsOf(working, stats.elapsedMs),
    cpu: cpuLoad(stats),
    loop,
  }
}

/** Share of the slots' time in which calls are in progress. */
function waitsAndWork({ running, queued, backoff, throttled }: StageStats['shares']): number {
  return running + queued + backoff + throttled
}

function loadOf(stats: StageStats, { elapsedMs }: PipelineStats): StageLoad {
  const { shares, concurrency, name, queue } = stats
  // If the exit queue is mostly empty, results wait for earlier ones of this stage and not for a
  // later stage. The time then counts as its own use.
  const blocked = queue.occupancy < 0.3 && stats.upstream.length > 0 ? shares.blocked : 0
  return {
    stats,
    name,
    use: Math.min(1, waitsAndWork(shares) + blocked),
    running: shares.running * concurrency,
    held: Math.min(1, stats.loopMs / elapsedMs),
  }
}

function poolsOf(working: readonly StageLoad[], elapsedMs: number): readonly PoolLoad[] {
  const pools = new Map<number, StageLoad[]>()
  for (const stage of working) {
    const { workers } = stage.stats
    if (workers === undefined) continue
    const stages = pools.get(workers.pool)
    if (stages === undefined) pools.set(workers.pool, [stage])
    else stages.push(stage)
  }
  return [...pools].map(([pool, stages]) => {
    const { workers } = (stages[0] as StageLoad).stats
    const busy = stages.reduce((sum, stage) => sum + busyWorkers(stage, elapsedMs), 0)
    const count = workers?.count
    return {
      pool,
      workers: count,
      kind: workers?.kind ?? 'executor',
      stages,
      busy,
      use: count === undefined ? 0 : Math.min(1, busy / count),
    }
  })
}

/**
 * In a region, calls that wait share a worker. So count the time for which they block it. Workers
 * that run several calls together tell how long they were busy.
 */
function busyWorkers({ stats, running }: StageLoad, elapsedMs: number): number {
  const told = stats.workers?.busyMs
  if (told !== undefined) return elapsedMs > 0 ? told / elapsedMs : 0
  return stats.workers?.isRegion === true ? stats.sums.heldMs / elapsedMs : running
}

function cpuLoad({ cpu, elapsedMs }: PipelineStats): CpuLoad {
  const { cores, own, others, waiting } = cpu
  const left = cores - others
  const available = Math.max(left, cores / 2)
  // On a machine that other programs fill, the rest is used up quickly. So the rule checks whether
  // this process needed more cores. A single thread that wakes up now and then waits for a core
  // each time, although it needs less than one.
  const wanted = own + (waiting ?? 0)
  const most = Math.max(available, Math.min(cores, MORE_THAN_ONE))
  const isHungry =
    own >= (elapsedMs < SHORT_MS ? USED_UP : MUCH) * available
      ? wanted >= USED_UP * most
      : elapsedMs >= SHORT_MS && wanted >= 2 * most
  const isUsedUp = cores > 0 && own >= USED_UP * left && isHungry
  return { ...cpu, available, isUsedUp }
}

/**
 * By which factor the process could use more CPU. On a quiet machine, the use by others may grow in
 * proportion.
 */
export function cpuBound({ cores, own, others, available, waiting = 0 }: CpuLoad): number {
  if (own <= 0) return Number.POSITIVE_INFINITY
  // If threads wait for a core, the process already uses all it can get.
  return others <= FEW_OTHERS * cores ? cores / (own + others) : available / (own + waiting)
}

/**
 * Like {@link cpuBound}, for work that moves from one thread to as many threads as cores. On a
 * machine that others use, each thread gets its share: first one of `others + 1`, then `threads` of
 * `others + threads`.
 */
export function cpuBoundOfMore(cpu: CpuLoad): number {
  const { cores, own, others, waiting } = cpu
  if (others <= FEW_OTHERS * cores || waiting === undefined || own <= 0)
    return cpuBound({ ...cpu, waiting: 0 })
  const threads = Math.max(1, Math.floor(cores))
  const share = own / (own + waiting)
  const rivals = Math.max(0, cores / share - 1)
  return (threads * (rivals + 1)) / (rivals + threads)
}

/** A worker that uses this much of a core mostly computes. */
export const MOSTLY_COMPUTES = 0.5

/**
 * How much CPU a busy worker uses or waits for, 0 to 1. It is the CPU that the process needs
 * besides its event loop, divided by the busy workers.
 */
export function cpuOfWorker({ cpu, loop, pools }: Loads): number {
  const busy = pools.reduce((sum, pool) => sum + pool.busy, 0)
  const wanted = cpu.own + (cpu.waiting ?? 0)
  return busy > 0 ? Math.min(1, Math.max(0, wanted - loop.use) / busy) : 0
}

/** The part that limits the throughput next. */
export interface NextLimit {
  /** Name of a stage, or `'consumer'`, `'loop'`, `'cpu'`. */
  readonly name: string
  /** The factor of the present throughput that it allows. */
  readonly factor: number
}

const MOST = 100

/**
 * Finds the part, except those named in `but`, that limits the throughput most. A part with a use
 * of `u` can become `1 / u` times faster. `loop`: the use of the event loop without the part that
 * changes.
 */
export function nextLimit(
  loads: Loads,
  but: readonly string[],
  loop: number = loads.loop.use,
): NextLimit {
  const { stats, sources, working, pools } = loads
  const isOther = ({ name }: StageLoad): boolean => !but.includes(name)
  const uses = [
    ...[...sources, ...working].filter(isOther),
    ...pools.flatMap(({ stages, use }) => {
      const [stage] = stages
      return stage === undefined || !stages.every(isOther) ? [] : [{ name: stage.name, use }]
    }),
    ...(but.includes('consumer') ? [] : [{ name: 'consumer', use: consumerUse(stats) }]),
    { name: 'loop', use: loop },
  ]
  const worst = uses.reduce((most, each) => (each.use > most.use ? each : most))
  return { name: worst.name, factor: Math.min(MOST, 1 / Math.max(worst.use, 1 / MOST)) }
}

/** The consumer is busy only while it has an item. If it waits for items, it is not the limit. */
function consumerUse({ consumer }: PipelineStats): number {
  return consumer.busy
}

/** In how many workers a region runs a stage, each with its own slots. 1 for other stages. */
export function placesOf({ stats: { workers } }: StageLoad): number {
  return workers?.isRegion === true ? (workers.count ?? 1) : 1
}

export function most(stages: readonly StageLoad[]): StageLoad | undefined {
  return stages.reduce<StageLoad | undefined>(
    (busiest, stage) => (busiest === undefined || stage.use > busiest.use ? stage : busiest),
    undefined,
  )
}

/** The figures that every verdict shows. */
export function machineEvidence({ cpu, loop }: Loads): Readonly<Record<string, number>> {
  return {
    cores: cpu.cores,
    cpuOwn: round(cpu.own),
    cpuOthers: round(cpu.others),
    ...(cpu.waiting === undefined ? {} : { cpuWaiting: round(cpu.waiting) }),
    loop: round(loop.use),
  }
}

export function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
