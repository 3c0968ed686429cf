import type { PipelineStats, StageStats } from 'spindle'
import { consumerStats, noLetters, withTimes } from '../../src/engine/report/read-stats.ts'
import { Histogram } from '../../src/engine/stats/histogram.ts'
import type { LevelSums } from '../../src/engine/stats/levels.ts'

/** A stage of made-up figures. Shares are of its slots' time. */
export interface MadeStage {
  readonly name: string
  readonly concurrency?: number
  readonly running?: number
  readonly queued?: number
  readonly backoff?: number
  readonly blocked?: number
  readonly tasks?: number
  readonly retries?: number
  readonly timeouts?: number
  /** Calls under way now. */
  readonly underWay?: number
  /** Share of the time for which its calls hold the loop. */
  readonly held?: number
  /** Cores' worth of its region's workers that its calls hold. */
  readonly heldWorkers?: number
  readonly workers?: {
    readonly count?: number
    readonly kind?: 'thread' | 'process'
    readonly pool?: number
  }
  /** `[under way, calls, mean, standard deviation]` */
  readonly levels?: readonly (readonly [number, number, number, number?])[]
  readonly occupancy?: number
  readonly maxBytes?: number
  /** Share of the time without room in bytes. */
  readonly bytesFull?: number
}

export interface MadeStats {
  readonly elapsedMs?: number
  readonly items?: number
  readonly state?: PipelineStats['state']
  readonly loop?: number
  readonly cores?: number
  readonly own?: number
  readonly others?: number
  readonly waiting?: number | undefined
  /** Requests that wait for memory of a pool, on average. */
  readonly memoryWaiting?: number
  readonly source?: Omit<MadeStage, 'name'>
  readonly stages: readonly MadeStage[]
  readonly consumer?: { readonly busy?: number; readonly held?: number; readonly ready?: number }
}

/** Figures of a pipeline: a source, stages, a sink. */
export function madeStats(made: MadeStats): PipelineStats {
  const { elapsedMs = 10_000, items = 1000, consumer = {} } = made
  const { busy = 0.02, held = 0, ready = 0.02 } = consumer
  const all = [
    { running: 0.01, ...made.source, name: 'source' },
    ...made.stages,
    { name: 'sink', tasks: 0, occupancy: ready },
  ]
  const waitMs = (1 - busy) * elapsedMs
  const times = { waitMs, heldUpMs: 0, packMs: 0, loopMs: held * elapsedMs }
  return {
    pipeline: 0,
    elapsedMs,
    items,
    state: made.state ?? 'running',
    loopUtilization: made.loop ?? 0.1,
    cpu: {
      cores: made.cores ?? 2,
      own: made.own ?? 0.1,
      others: made.others ?? 0.05,
      waiting: 'waiting' in made ? made.waiting : 0.02,
    },
    memoryWaitMs: (made.memoryWaiting ?? 0) * elapsedMs,
    blocks: [],
    consumer: consumerStats(times, elapsedMs),
    deadLetters: noLetters,
    stages: all.map((stage, id) => madeStage(stage, id, elapsedMs)),
  }
}

function madeStage(stage: MadeStage, id: number, elapsedMs: number): StageStats {
  const { name, concurrency = 1, running = 0, queued = 0, backoff = 0, blocked = 0 } = stage
  const { tasks = 1000, held = 0, occupancy = 0.05, workers, maxBytes, bytesFull = 0 } = stage
  const all = concurrency * elapsedMs
  const histogram = new Histogram()
  const sums = {
    slotMs: all,
    timed: tasks,
    timedMs: running * all,
    busyMs: running * all,
    queuedTasks: tasks,
    queuedMs: queued * all,
    waitedMs: queued * all,
    backoffMs: backoff * all,
    throttledMs: 0,
    blockedMs: blocked * all,
    heldMs: (stage.heldWorkers ?? 0) * elapsedMs,
    histogram,
    levels: (stage.levels ?? []).map(levelOf),
  }
  const isRegion = stage.heldWorkers !== undefined
  const counts = {
    name,
    id,
    where: undefined,
    concurrency,
    workers:
      workers === undefined
        ? undefined
        : {
            pool: workers.pool ?? 0,
            kind: workers.kind ?? 'thread',
            count: workers.count,
            isRegion,
          },
    upstream: id === 0 ? [] : [id - 1],
    tasks,
    running: stage.underWay ?? 0,
    emitted: tasks,
    items: tasks,
    skipped: 0,
    failures: 0,
    retries: stage.retries ?? 0,
    timeouts: stage.timeouts ?? 0,
    loopMs: held * elapsedMs,
    queue: {
      items: tasks,
      size: 0,
      capacity: 2,
      mostItems: 2,
      bytes: 0,
      mostBytes: maxBytes ?? 0,
      discarded: 0,
      emptyMs: (1 - occupancy) * elapsedMs,
      fullMs: 0,
      maxBytes,
      bytesFullMs: bytesFull * elapsedMs,
      bytesFullTimes: 100,
      meanBytes: maxBytes === undefined ? 0 : 1e6,
      occupancy,
    },
  }
  return withTimes(counts as Parameters<typeof withTimes>[0], sums, 1, elapsedMs)
}

function levelOf([running, calls, mean, deviation = 0]: readonly [
  number,
  number,
  number,
  number?,
]): LevelSums {
  const squares = calls * (mean ** 2 + deviation ** 2)
  return { total: calls, calls, running: running * calls, ms: mean * calls, squares }
}
