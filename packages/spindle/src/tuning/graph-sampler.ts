import { availableParallelism, cpus } from 'node:os'
import { sizeOf } from '../engine/flow/size.ts'
import type { Graph } from '../engine/run/graph.ts'
import type { Stage } from '../engine/stages/stage.ts'
import { TaskStage } from '../engine/stages/task-stage.ts'
import type { Histogram } from '../engine/stats/histogram.ts'
import { clockMs } from '../timers.ts'
import type { TuneSample, UnitSample } from '../tune/tune-types.ts'
import type { TunedUnit } from './units.ts'

/**
 * Interval between two readings of an item's size and of the machine's CPU use, in milliseconds.
 * Both cost more than the rest of a sample.
 */
const SIZES_MS = 1000
const OTHERS_MS = 500
/** The times of calls cover this many milliseconds, or twice as many. */
const TIMES_MS = 5000

/** Reads a pipeline's counters in the form that a tuner needs. */
export class GraphSampler {
  readonly #graph: Graph
  readonly #units: readonly UnitSampler[]
  readonly #machine: Machine = new Machine()
  /** The stage whose results are counted; `undefined`: the consumer's items are counted. */
  #counted: Stage | undefined
  readonly #stages: readonly Stage[]
  /** Whether the choice of what is counted may still change. */
  isVague = true

  constructor(graph: Graph, units: readonly TunedUnit[]) {
    this.#graph = graph
    this.#units = units.map((unit) => new UnitSampler(unit))
    this.#stages = units.map(({ stage }) => stage)
  }

  /**
   * Number of results of the pipeline, at the finest granularity: where items are joined in
   * batches, results before the batching are counted. Consecutive stages run at the same rate,
   * except for the small content of their queues.
   */
  #items(): number {
    const { given } = this.#graph.reader
    if (this.isVague) {
      const most = Math.max(...this.#stages.map(finished))
      this.#counted =
        most > given ? this.#stages.find((stage) => finished(stage) === most) : undefined
      this.isVague = given < KNOWN_ITEMS && most < KNOWN_RESULTS
    }
    return this.#counted === undefined ? given : finished(this.#counted)
  }

  read(loopDelayMs: number): TuneSample {
    const { elapsedMs, reader } = this.#graph
    const { user, system } = process.cpuUsage()
    const cpuMs = (user + system) / 1000
    return {
      atMs: elapsedMs,
      items: this.#items(),
      waitMs: reader.times.waitMs,
      cpuMs,
      othersMs: this.#machine.othersMs(cpuMs),
      cores: availableParallelism(),
      memoryBytes: process.memoryUsage.rss(),
      loopDelayMs,
      units: this.#units.map((unit) => unit.read(elapsedMs)),
    }
  }
}

/**
 * Number of items at the consumer, or of results of a stage, after which it is known which stage
 * has the most results.
 */
const KNOWN_ITEMS = 4
const KNOWN_RESULTS = 64

/** What other processes use of the machine's cores. */
class Machine {
  // A container sees the cores of its host, so nothing is known about other processes then.
  readonly #isOwn: boolean = cpus().length === availableParallelism()
  #readAt = Number.NEGATIVE_INFINITY
  #ownMs = 0
  #allMs = 0
  #othersMs = 0

  othersMs(ownMs: number): number {
    const now = clockMs()
    if (!this.#isOwn || now - this.#readAt < OTHERS_MS) return this.#othersMs
    const allMs = busyMs()
    if (this.#readAt > 0) this.#othersMs += Math.max(0, allMs - this.#allMs - (ownMs - this.#ownMs))
    this.#readAt = now
    this.#allMs = allMs
    this.#ownMs = ownMs
    return this.#othersMs
  }
}

/** Time that the machine's cores were busy, all together, in milliseconds. */
function busyMs(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0)
}

/** Sums that are divided by the number of copies of a stage. */
type Each = Pick<
  { -readonly [K in keyof UnitSample]: UnitSample[K] },
  'tasks' | 'busyMs' | 'blockedMs' | 'slotMs' | 'troubles' | 'emitted'
>

const NOTHING: Readonly<Each> = {
  tasks: 0,
  busyMs: 0,
  blockedMs: 0,
  slotMs: 0,
  troubles: 0,
  emitted: 0,
}

class UnitSampler {
  readonly #unit: TunedUnit
  readonly #times: RecentTimes
  #itemBytes = 0
  #lookedAt = Number.NEGATIVE_INFINITY
  #poolAt = 0
  #poolBusyMs = 0
  #poolSlotMs = 0
  readonly #allSums: Each = { ...NOTHING }
  readonly #eachSums: Each = { ...NOTHING }

  constructor(unit: TunedUnit) {
    this.#unit = unit
    this.#times = new RecentTimes(unit.stage.counters.histogram)
  }

  read(elapsedMs: number): UnitSample {
    const { stage, pool, hasExit } = this.#unit
    const { counters } = stage
    this.#lookAtSize(stage)
    const sums = {
      ...this.#each(elapsedMs),
      queuedMs:
        counters.queuedTasks > 0 ? (counters.queuedMs / counters.queuedTasks) * stage.tasks : 0,
      timed: counters.timed,
      timedMs: counters.timedMs,
      slowMs: this.#times.slowMs(),
      loopMs: counters.loopMs,
      emptyMs: Math.min(...stage.exits.map((exit) => exit.times().emptyMs)),
      fullMs: Math.max(...stage.exits.map((exit) => exit.times().fullMs)),
      itemBytes: this.#itemBytes,
      running: stage.running / this.#unit.copies,
      waiting:
        (stage instanceof TaskStage ? stage.held : 0) + (this.#unit.copies > 1 ? 0 : queued(stage)),
    }
    if (pool === undefined) return sums
    // Nothing sums up what the workers of a pool do, so their current state is sampled.
    const passedMs = elapsedMs - this.#poolAt
    this.#poolAt = elapsedMs
    const { size } = pool
    const running = Math.min(size, pool.busy)
    this.#poolBusyMs += running * passedMs
    this.#poolSlotMs += size * passedMs
    return {
      ...sums,
      busyMs: this.#poolBusyMs,
      queuedMs: 0,
      blockedMs: 0,
      slotMs: this.#poolSlotMs,
      emptyMs: hasExit ? sums.emptyMs : 0,
      fullMs: hasExit ? sums.fullMs : 0,
      running,
      waiting: 0,
      itemBytes: 0,
    }
  }

  /** The sums for each copy of the stage. The number of copies may change. */
  #each(elapsedMs: number): Each {
    const { stage, copies } = this.#unit
    const { counters } = stage
    const all: Each = {
      tasks: stage.tasks,
      busyMs: counters.busyMs + stage.pendingTimes.busyMs,
      blockedMs: stage.blockedMs,
      slotMs: stage.slotMs(elapsedMs),
      troubles: counters.failures + counters.timeouts + counters.retries,
      emitted: emitted(stage),
    }
    for (const key of Object.keys(all) as (keyof Each)[]) {
      this.#eachSums[key] += (all[key] - this.#allSums[key]) / copies
      this.#allSums[key] = all[key]
    }
    return { ...this.#eachSums }
  }

  #lookAtSize(stage: Stage): void {
    const now = clockMs()
    if (now - this.#lookedAt < SIZES_MS) return
    const item = stage.exits
      .map((exit) => exit.peek())
      .find((first) => first !== undefined && first.index >= 0)
    if (item === undefined) return
    this.#lookedAt = now
    this.#itemBytes = sizeOf(item.value)
  }
}

function emitted(stage: Stage): number {
  return stage.exits.reduce((items, exit) => items + exit.passed, 0)
}

/** Number of results, including empty ones: a last stage may give no output at all. */
function finished(stage: Stage): number {
  return emitted(stage) + stage.counters.skipped
}

function queued(stage: Stage): number {
  return stage.exits.reduce((items, exit) => items + exit.length, 0)
}

/** How long calls took recently. */
class RecentTimes {
  readonly #all: Histogram
  #before: Histogram
  #between: Histogram
  #since: number = clockMs()

  constructor(all: Histogram) {
    this.#all = all
    this.#before = all.copy()
    this.#between = this.#before
  }

  /** 99th percentile of the durations. */
  slowMs(): number {
    const now = clockMs()
    if (now - this.#since > TIMES_MS) {
      this.#since = now
      this.#before = this.#between
      this.#between = this.#all.copy()
    }
    const recent = this.#all.copy()
    recent.merge(this.#before, -1)
    return recent.percentile(SLOW)
  }
}

const SLOW = 0.99
