import type { DeadLetterStats } from './dead-letters.ts'
import type { Graph } from './graph.ts'
import type { Histogram } from './histogram.ts'
import type { LoopBlock } from './loop-blocks.ts'
import type { Queue } from './queue.ts'
import { SourceStage } from './source-stage.ts'
import type { Stage } from './stage.ts'
import { FAILING } from './stage.ts'

/** Counts and times of one exit queue, up to now. */
export interface QueueStats {
  /** Items that have gone through, those handed over at once included. */
  readonly items: number
  /** Items queued now. */
  readonly size: number
  readonly capacity: number
  /** Most items queued at once; above `capacity`, results hold their tasks' slots. */
  readonly mostItems: number
  /** Bytes queued now, and at most; 0 without `maxBytes`. */
  readonly bytes: number
  readonly mostBytes: number
  /** Items thrown away because the pipeline stopped or a later stage failed. */
  readonly discarded: number
  /** Milliseconds in which nothing was queued. */
  readonly emptyMs: number
  /** Milliseconds in which no place was free. */
  readonly fullMs: number
  /** Share of the time in which something was queued, 0 to 1: near 1 the consumer is the slower side, near 0 the producer. */
  readonly occupancy: number
}

/** How the slots of a stage spent their time: shares of the slot-time there was (`concurrency` x elapsed time, where that was not changed), which add up to 1. */
export interface SlotShares {
  /** Waiting for an item. */
  readonly idle: number
  /** Waiting for a worker of the executor. */
  readonly queued: number
  /** Working. */
  readonly running: number
  /** Holding a result that has no place in the exit queue, or waits for earlier ones. */
  readonly blocked: number
}

/** Counts and times of one stage, up to now. */
export interface StageStats {
  readonly name: string
  readonly id: number
  readonly where: string | undefined
  readonly concurrency: number
  /** Ids of the stages it takes items from; none for a source. */
  readonly upstream: readonly number[]
  /** Items begun. */
  readonly tasks: number
  /** Calls in flight now. */
  readonly running: number
  /** Items put out. */
  readonly emitted: number
  /** Items dropped because the op gave `undefined`. */
  readonly skipped: number
  /** Items dropped because they failed. */
  readonly failures: number
  readonly retries: number
  readonly timeouts: number
  /**
   * Mean and longest time of a task that did not fail, in milliseconds; 0 if none was timed. Of a generator: of an output; of a source: of an item. All
   * tasks of 0.1 ms and more are timed, of quicker ones one in 16 or 128.
   */
  readonly meanMs: number
  readonly longestMs: number
  /** Percentiles of these times, within 5 %. */
  readonly p50Ms: number
  readonly p90Ms: number
  readonly p99Ms: number
  /** Mean time that a task waited for a worker of its executor, in milliseconds; not in `meanMs` where it is known. 0 if it is not. */
  readonly queuedMs: number
  /** Time for which the stage's ops held the loop, in milliseconds (an estimate from the timed ones). */
  readonly loopMs: number
  readonly shares: SlotShares
  /** What the times are made from: for intervals, and to merge those of several workers. */
  readonly sums: StageSums
  /** The stage's exit queue; for several paths, all of them together. */
  readonly queue: QueueStats
}

/** Sums over a stage's tasks; times in milliseconds. */
export interface StageSums {
  readonly timed: number
  readonly timedMs: number
  /** Slot-time there was: calls that might be in flight, times how long. */
  readonly slotMs: number
  /** Slot-time in tasks, those in flight and those that failed included. */
  readonly busyMs: number
  readonly queuedTasks: number
  readonly queuedMs: number
  /** Slot-time held by results without a place. */
  readonly blockedMs: number
  readonly histogram: Histogram
}

/** What whoever takes the items did with its time. */
export interface ConsumerStats {
  /** Milliseconds for which it waited for an item, and the same as a share of the elapsed time: what loading costs it. */
  readonly waitMs: number
  readonly waiting: number
  /** Share of the elapsed time in which it did something else. */
  readonly busy: number
  /** Time for which a function given to `forEach` held the loop, in milliseconds (an estimate from a sample). */
  readonly loopMs: number
}

/** What a pipeline has done so far. */
export interface PipelineStats {
  /** Number of the pipeline in this process. */
  readonly pipeline: number
  /** Milliseconds since it started, to now or to its end; 0 before. */
  readonly elapsedMs: number
  /** Items the consumer has taken. */
  readonly items: number
  readonly state: 'idle' | 'running' | 'failing' | 'stopped' | 'done'
  /** Share of the elapsed time in which the event loop was not waiting, 0 to 1. */
  readonly loopUtilization: number
  /** What held the event loop for long, as the loop guard saw it; those that held it longest together first. */
  readonly blocks: readonly LoopBlock[]
  readonly consumer: ConsumerStats
  /** What became of failed items at `deadLetter`; all 0 where there is none. */
  readonly deadLetters: DeadLetterStats
  /** Source, stages, sink, in building order. */
  readonly stages: readonly StageStats[]
}

/** Reads a graph's counters; cheap enough for every second, not for every item. */
export function readStats(graph: Graph): PipelineStats {
  const elapsedMs = graph.elapsedMs
  const makers = new Map<Queue, number>()
  for (const stage of graph.stages) for (const exit of stage.exits) makers.set(exit, stage.info.id)
  return {
    pipeline: graph.pipelineId,
    elapsedMs,
    items: graph.outlet.given,
    state: stateOf(graph),
    loopUtilization: graph.loopUtilization,
    blocks: graph.blocks.read(),
    consumer: consumerStats(graph.outlet.waitMs, graph.outlet.counters.loopMs, elapsedMs),
    deadLetters: graph.letters?.stats ?? noLetters,
    stages: graph.stages.map((stage) => {
      const upstream =
        stage.upstream ?? stage.inputs.map((queue) => makers.get(queue)).filter((id) => id !== undefined)
      return stageStats(stage, [...new Set(upstream)], elapsedMs)
    }),
  }
}

/** Where there is no `deadLetter`. */
export const noLetters: DeadLetterStats = { delivered: 0, refused: 0, pending: 0 }

/** Completes the consumer's figures. */
export function consumerStats(waitMs: number, loopMs: number, elapsedMs: number): ConsumerStats {
  const waiting = elapsedMs > 0 ? Math.min(1, waitMs / elapsedMs) : 0
  return { waitMs, waiting, busy: elapsedMs > 0 ? 1 - waiting : 0, loopMs }
}

function stateOf(graph: Graph): PipelineStats['state'] {
  if (graph.isStopped) return 'stopped'
  if (graph.endedAt > 0) return 'done'
  if (graph.stages.some((stage) => stage.state === FAILING)) return 'failing'
  return graph.isStarted ? 'running' : 'idle'
}

function stageStats(stage: Stage, upstream: readonly number[], elapsedMs: number): StageStats {
  const { info, counters } = stage
  const queue = stage.exits.map((exit) => queueStats(exit, elapsedMs)).reduce(together)
  const sums: StageSums = {
    timed: counters.timed,
    timedMs: counters.timedMs,
    slotMs: stage.slotMs(elapsedMs),
    busyMs: counters.busyMs + stage.pendingMs,
    queuedTasks: counters.queuedTasks,
    queuedMs: counters.queuedMs,
    // A source has no slots above its queue: it waits when that is full.
    blockedMs: stage instanceof SourceStage ? queue.fullMs : stage.blockedMs,
    histogram: counters.histogram.copy(),
  }
  const counts = {
    name: info.name,
    id: info.id,
    where: info.where,
    concurrency: stage.concurrency,
    upstream,
    tasks: stage.tasks,
    running: stage.running,
    emitted: stage.exits.reduce((items, exit) => items + exit.passed, 0),
    skipped: counters.skipped,
    failures: counters.failures,
    retries: counters.retries,
    timeouts: counters.timeouts,
    loopMs: counters.loopMs,
    queue,
  }
  return withTimes(counts, sums, counters.longestMs, elapsedMs)
}

type Times = 'meanMs' | 'longestMs' | 'p50Ms' | 'p90Ms' | 'p99Ms' | 'queuedMs' | 'shares' | 'sums'

/** Completes a stage's figures by what follows from the sums. */
export function withTimes(
  counts: Omit<StageStats, Times>,
  sums: StageSums,
  longestMs: number,
  elapsedMs: number,
): StageStats {
  const { histogram } = sums
  const queuedMs = sums.queuedTasks > 0 ? sums.queuedMs / sums.queuedTasks : 0
  const percentile = (p: number): number => Math.min(longestMs, histogram.percentile(p))
  return {
    ...counts,
    meanMs: sums.timed > 0 ? sums.timedMs / sums.timed : 0,
    longestMs,
    p50Ms: percentile(0.5),
    p90Ms: percentile(0.9),
    p99Ms: percentile(0.99),
    queuedMs,
    shares: sharesOf(counts, sums, queuedMs, elapsedMs),
    sums,
  }
}

function sharesOf(
  { tasks }: Omit<StageStats, Times>,
  sums: StageSums,
  queuedMs: number,
  elapsedMs: number,
): SlotShares {
  if (elapsedMs <= 0 || sums.slotMs <= 0) return { idle: 1, queued: 0, running: 0, blocked: 0 }
  const all = sums.slotMs
  // Estimates from samples may exceed what there is: working goes first, for it is measured best.
  const running = Math.min(1, sums.busyMs / all)
  const blocked = Math.min(1 - running, Math.max(0, sums.blockedMs) / all)
  const queued = Math.min(1 - running - blocked, (queuedMs * tasks) / all)
  return { idle: 1 - running - blocked - queued, queued, running, blocked }
}

function queueStats(queue: Queue, elapsedMs: number): QueueStats {
  const { emptyMs, fullMs } = queue.times()
  return {
    items: queue.passed,
    size: queue.length,
    capacity: queue.capacity,
    mostItems: queue.mostItems,
    bytes: queue.bytes,
    mostBytes: queue.mostBytes,
    discarded: queue.discarded,
    emptyMs,
    fullMs,
    occupancy: occupancyOf(emptyMs, elapsedMs),
  }
}

/** Share of the time in which something was queued. */
export function occupancyOf(emptyMs: number, elapsedMs: number): number {
  return elapsedMs > 0 ? Math.min(1, Math.max(0, 1 - emptyMs / elapsedMs)) : 0
}

function together(one: QueueStats, other: QueueStats): QueueStats {
  return {
    items: one.items + other.items,
    size: one.size + other.size,
    capacity: one.capacity + other.capacity,
    mostItems: one.mostItems + other.mostItems,
    bytes: one.bytes + other.bytes,
    mostBytes: one.mostBytes + other.mostBytes,
    discarded: one.discarded + other.discarded,
    emptyMs: Math.min(one.emptyMs, other.emptyMs),
    fullMs: Math.max(one.fullMs, other.fullMs),
    occupancy: Math.max(one.occupancy, other.occupancy),
  }
}
