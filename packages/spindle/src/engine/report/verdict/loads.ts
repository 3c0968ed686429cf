import type { CpuStats } from '../../stats/cpu-use.ts'
import type { PipelineStats, StageStats } from '../../stats/pipeline-stats.ts'

/** How much each part of a pipeline uses of what it has: what the rules of the verdict look at. */
export interface Loads {
  readonly stats: PipelineStats
  readonly sources: readonly StageLoad[]
  /** The stages that have done something, sources left out. */
  readonly working: readonly StageLoad[]
  readonly pools: readonly PoolLoad[]
  readonly cpu: CpuLoad
  readonly loop: LoopLoad
}

export interface StageLoad {
  readonly stats: StageStats
  readonly name: string
  /** Share of its slots' time in which they are in use, whatever for, 0 to 1. */
  readonly use: number
  /** Calls at work at a time, on average. */
  readonly running: number
  /** Share of the time in which its calls hold the loop. */
  readonly held: number
}

/** The workers that run the calls of one stage or more. */
export interface PoolLoad {
  readonly pool: number
  /** How many there are; `undefined` if the executor does not tell. */
  readonly workers: number | undefined
  readonly kind: WorkersKind
  readonly stages: readonly StageLoad[]
  /** Workers at work at a time, on average, and as a share of all. */
  readonly busy: number
  readonly use: number
}

export type WorkersKind = 'thread' | 'process' | 'executor'

export interface CpuLoad extends CpuStats {
  /**
   * Cores that the pipeline can have: those that others leave, and at least a half, for the system
   * shares.
   */
  readonly available: number
  /** Whether the cores are used up, and the pipeline has use for more. */
  readonly isUsedUp: boolean
}

export interface LoopLoad {
  readonly use: number
  /** Share of the time for which ops held it, and functions given to `forEach`. */
  readonly byOps: number
  readonly byConsumer: number
}

/** Above this use a part is what the others wait for. */
export const FULL = 0.8
/** Own use counts as used up from this share of what others leave. */
const USED_UP = 0.8
const MORE_THAN_ONE = 1.6
/**
 * Threads that only start or collect garbage get less than this share of what the process can have.
 */
const MUCH = 0.3
/** In a shorter run they do most of what is done. */
const SHORT_MS = 2000
/**
 * Up to this share of the cores, what others use may be the pipeline's own doing: a server on the
 * same machine.
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

function loadOf(stats: StageStats, { elapsedMs }: PipelineStats): StageLoad {
  const { shares, concurrency, name, queue } = stats
  // Results that wait for earlier ones, while nobody waits to take them, are no one else's fault.
  const blocked = queue.occupancy < 0.3 && stats.upstream.length > 0 ? shares.blocked : 0
  return {
    stats,
    name,
    use: Math.min(1, shares.running + shares.queued + shares.backoff + blocked),
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

/** In a region calls that wait share a worker, so what counts is how long they hold it. */
function busyWorkers({ stats, running }: StageLoad, elapsedMs: number): number {
  return stats.workers?.isRegion === true ? stats.sums.heldMs / elapsedMs : running
}

function cpuLoad({ cpu, elapsedMs }: PipelineStats): CpuLoad {
  const { cores, own, others, waiting } = cpu
  const left = cores - others
  const available = Math.max(left, cores / 2)
  // A machine that others fill leaves little, and little is used up soon: what counts is whether
  // this process wanted more. A single thread that wakes up now and then waits for a core each
  // time, and wants less than one all the same.
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
 * How many times more the cores allow of what the process does now. What others use on a quiet
 * machine may grow with it.
 */
export function cpuBound({ cores, own, others, available, waiting = 0 }: CpuLoad): number {
  if (own <= 0) return Number.POSITIVE_INFINITY
  // Where threads wait for a core, it is not for want of calls that the cores give no more.
  return others <= FEW_OTHERS * cores ? cores / (own + others) : available / (own + waiting)
}

/**
 * The same of work that moves from one thread to as many as there are cores. On a machine that
 * others use, each thread gets its share: one of `others + 1`, and then `threads` of
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

/** A worker that uses this much of a core does hardly anything but compute. */
export const MOSTLY_COMPUTES = 0.5

/**
 * How much CPU a worker uses while it is busy, or waits for, 0 to 1: what the process wants besides
 * its loop, by the workers at work.
 */
export function cpuOfWorker({ cpu, loop, pools }: Loads): number {
  const busy = pools.reduce((sum, pool) => sum + pool.busy, 0)
  const wanted = cpu.own + (cpu.waiting ?? 0)
  return busy > 0 ? Math.min(1, Math.max(0, wanted - loop.use) / busy) : 0
}

/** What limits the throughput next, if one part did not. */
export interface NextLimit {
  /** A stage, `'consumer'`, `'loop'`, `'cpu'`. */
  readonly name: string
  /** How many times the present throughput it allows. */
  readonly factor: number
}

const MOST = 100

/**
 * The part that allows the least besides those named in `but`. A part that is used to the share `u`
 * can go `1 / u` times faster. `loop`: how much of the loop is used without what is to change.
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

/**
 * The consumer is busy with an item only while it has one: when it must wait for them it is not
 * what limits.
 */
function consumerUse({ consumer }: PipelineStats): number {
  return consumer.busy
}

/** In how many workers a region runs a stage, each with its own slots; 1 of others. */
export function placesOf({ stats: { workers } }: StageLoad): number {
  return workers?.isRegion === true ? (workers.count ?? 1) : 1
}

export function most(stages: readonly StageLoad[]): StageLoad | undefined {
  return stages.reduce<StageLoad | undefined>(
    (busiest, stage) => (busiest === undefined || stage.use > busiest.use ? stage : busiest),
    undefined,
  )
}

/** Numbers that every verdict shows. */
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
