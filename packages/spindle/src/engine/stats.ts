import type { CpuStats } from './cpu-use.ts'
import type { DeadLetterStats } from './dead-letters.ts'
import { finishedItems, silentStages } from './finished-items.ts'
import type { Graph } from './graph.ts'
import type { Histogram } from './histogram.ts'
import type { LevelSums } from './levels.ts'
import type { LoopBlock } from './loop-blocks.ts'
import type { Queue } from './queue.ts'
import type { Stage } from './stage.ts'
import { FAILING } from './stage.ts'
import type { StageWorkers } from './stage-workers.ts'

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
  /** Bound in bytes, if there is one, and the milliseconds in which it let nothing in. */
  readonly maxBytes: number | undefined
  readonly bytesFullMs: number
  /** How often that was. */
  readonly bytesFullTimes: number
  /** Mean size of the items that were queued, since the start; 0 without `maxBytes`. */
  readonly meanBytes: number
  /** Share of the time in which something was queued, 0 to 1: near 1 the consumer is the slower side, near 0 the producer. */
  readonly occupancy: number
}

/** How the slots of a stage spent their time: shares of the slot-time there was (`concurrency` x elapsed time, where that was not changed), which add up to 1. */
export interface SlotShares {
  /** Waiting for an item. */
  readonly idle: number
  /** Waiting for a worker of the executor, or for a thread of a library that reports when its work begins (see `trackCall`). */
  readonly queued: number
  /** Waiting between two tries of an item. */
  readonly backoff: number
  /** Working. */
  readonly running: number
  /** Waiting for room: for a place for a result in the exit queue, or for earlier results. Of a stage that holds no results (source, router, merge, sink): while its exit is full. */
  readonly blocked: number
}

/** Counts and times of one stage, up to now. */
export interface StageStats {
  readonly name: string
  readonly id: number
  readonly where: string | undefined
  readonly concurrency: number
  /** The workers that run its calls; `undefined` where they run on the pipeline's own loop. */
  readonly workers: StageWorkers | undefined
  /** Ids of the stages it takes items from; none for a source. */
  readonly upstream: readonly number[]
  /** Items begun. */
  readonly tasks: number
  /** Calls in flight now. */
  readonly running: number
  /** Items put out. */
  readonly emitted: number
  /** Items that are done here: those put out. Of the last stage of a pipeline that has given its consumer nothing, the calls that ended well (see `PipelineStats.items`). */
  readonly items: number
  /** Items for which the op gave `undefined`: dropped, or done where `items` counts them. */
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
  /** Mean time that a task waited for a worker of its executor or a library's thread, in milliseconds; not in `meanMs` where it is known. 0 if it is not. */
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
  /** Slot-time in which tasks waited for a worker or a library's thread, those in flight included. */
  readonly waitedMs: number
  /** Slot-time between two tries of an item. */
  readonly backoffMs: number
  /** Slot-time held by results without a place. */
  readonly blockedMs: number
  /** Of a region's stage: how long its calls held the workers' loops, together. */
  readonly heldMs: number
  readonly histogram: Histogram
  /** What calls took by how many were under way when they began; of the whole run, also in intervals. */
  readonly levels: readonly LevelSums[]
}

/** What whoever takes the items did with its time. */
export interface ConsumerStats {
  /** Milliseconds for which it waited for an item, and the same as a share of the elapsed time: what loading costs it. */
  readonly waitMs: number
  readonly waiting: number
  /** Share of the elapsed time in which it did something else: neither waited, nor was held up, nor had items packed for it. */
  readonly busy: number
  /** Milliseconds for which ops held the loop while an item was on its way to it: it could neither work nor wait (an estimate from a sample). */
  readonly heldUpMs: number
  /** Milliseconds that the pipeline's own loop spent on packing items, for a consumer in another thread or process. */
  readonly packMs: number
  /** Time for which a function given to `forEach` held the loop, in milliseconds (an estimate from a sample). */
  readonly loopMs: number
}

/** What a pipeline has done so far. */
export interface PipelineStats {
  /** Number of the pipeline in this process. */
  readonly pipeline: number
  /** Milliseconds since it started, to now or to its end; 0 before. */
  readonly elapsedMs: number
  /**
   * Items that have come to the end: those the consumer has taken. While it has got none, the calls of the last stage that ended well: such a stage saves or
   * sends its items and gives nothing. When it gives its first output it is a filter, and `items` begins to count outputs.
   */
  readonly items: number
  readonly state: 'idle' | 'running' | 'failing' | 'stopped' | 'done'
  /** Share of the elapsed time in which the event loop was not waiting, 0 to 1. */
  readonly loopUtilization: number
  /** What the process that runs the pipeline, and others, used of the CPU since its start. */
  readonly cpu: CpuStats
  /** Milliseconds for which code in the pipeline's thread waited for memory of a `SegmentPool`, all requests together. */
  readonly memoryWaitMs: number
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
  const silent = new Set(silentStages(graph.sink))
  const makers = new Map<Queue, number>()
  for (const stage of graph.stages) for (const exit of stage.exits) makers.set(exit, stage.info.id)
  return {
    pipeline: graph.pipelineId,
    elapsedMs,
    items: graph.sink.exit.passed > 0 ? graph.outlet.given : finishedItems(graph.sink),
    state: stateOf(graph),
    loopUtilization: graph.loopUtilization,
    cpu: graph.use.cpu,
    memoryWaitMs: graph.use.memoryWaitMs,
    blocks: graph.blocks.read(),
    consumer: consumerStats(graph.outlet.times, elapsedMs),
    deadLetters: graph.letters?.stats ?? noLetters,
    stages: graph.stages.map((stage) => {
      const upstream =
        stage.upstream ?? stage.inputs.map((queue) => makers.get(queue)).filter((id) => id !== undefined)
      return stageStats(stage, [...new Set(upstream)], silent.has(stage), elapsedMs, graph.isStarted)
    }),
  }
}

/** Where there is no `deadLetter`. */
export const noLetters: DeadLetterStats = { delivered: 0, refused: 0, pending: 0 }

/** The consumer's times. */
export type ConsumerTimes = Omit<ConsumerStats, 'waiting' | 'busy'>

/** Completes the consumer's figures. */
export function consumerStats(times: ConsumerTimes, elapsedMs: number): ConsumerStats {
  const { waitMs, heldUpMs, packMs, loopMs } = times
  const waiting = elapsedMs > 0 ? Math.min(1, waitMs / elapsedMs) : 0
  const others = elapsedMs > 0 ? Math.min(1 - waiting, Math.max(0, heldUpMs + packMs) / elapsedMs) : 0
  return { waitMs, waiting, busy: elapsedMs > 0 ? 1 - waiting - others : 0, heldUpMs, packMs, loopMs }
}

function stateOf(graph: Graph): PipelineStats['state'] {
  if (graph.isStopped) return 'stopped'
  if (graph.endedAt > 0) return 'done'
  if (graph.stages.some((stage) => stage.state === FAILING)) return 'failing'
  return graph.isStarted ? 'running' : 'idle'
}

/** `isSilent`: the stage is the end of its items. */
function stageStats(
  stage: Stage,
  upstream: readonly number[],
  isSilent: boolean,
  elapsedMs: number,
  isStarted: boolean,
): StageStats {
  const { info, counters } = stage
  const queue = stage.exits.map((exit) => queueStats(exit, elapsedMs)).reduce(together)
  const pending = stage.pendingTimes
  const sums: StageSums = {
    timed: counters.timed,
    timedMs: counters.timedMs,
    slotMs: stage.slotMs(elapsedMs),
    busyMs: counters.busyMs + pending.busyMs,
    queuedTasks: counters.queuedTasks + pending.queuedTasks,
    queuedMs: counters.queuedMs + pending.queuedMs,
    waitedMs: counters.waitedMs + pending.queuedMs,
    backoffMs: counters.backoffMs + pending.backoffMs,
    blockedMs: stage.blockedMs,
    heldMs: stage.heldMs,
    histogram: counters.histogram.copy(),
    levels: counters.levels.read(),
  }
  const emitted = stage.exits.reduce((items, exit) => items + exit.passed, 0)
  const counts = {
    name: info.name,
    id: info.id,
    where: info.where,
    concurrency: stage.concurrency,
    workers: isStarted ? stage.workers : undefined,
    upstream,
    tasks: stage.tasks,
    running: stage.running,
    emitted,
    items: isSilent ? counters.silent : emitted,
    skipped: counters.skipped,
    failures: counters.failures,
    retries: counters.retries,
    timeouts: counters.timeouts,
    loopMs: counters.loopMs,
    queue,
  }
  return withTimes(counts, sums, counters.longestMs, elapsedMs)
}

/** Items that a stage dropped because its op gave `undefined`, and that are not done with that. */
export function droppedBy({ items, emitted, skipped }: StageStats): number {
  return items > emitted ? 0 : skipped
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
    shares: sharesOf(sums, elapsedMs),
    sums,
  }
}

function sharesOf(sums: StageSums, elapsedMs: number): SlotShares {
  if (elapsedMs <= 0 || sums.slotMs <= 0) return { idle: 1, queued: 0, backoff: 0, running: 0, blocked: 0 }
  const all = sums.slotMs
  // Estimates from samples may exceed what there is: working goes first, for it is measured best.
  const running = Math.min(1, sums.busyMs / all)
  const blocked = Math.min(1 - running, Math.max(0, sums.blockedMs) / all)
  const backoff = Math.min(1 - running - blocked, Math.max(0, sums.backoffMs) / all)
  const queued = Math.min(1 - running - blocked - backoff, Math.max(0, sums.waitedMs) / all)
  return { idle: 1 - running - blocked - backoff - queued, queued, backoff, running, blocked }
}

function queueStats(queue: Queue, elapsedMs: number): QueueStats {
  const { emptyMs, fullMs, bytesFullMs } = queue.times()
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
    maxBytes: queue.maxBytes,
    meanBytes: queue.sized > 0 ? queue.bytesIn / queue.sized : 0,
    bytesFullTimes: queue.bytesFullTimes,
    bytesFullMs,
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
    maxBytes: one.maxBytes ?? other.maxBytes,
    meanBytes: Math.max(one.meanBytes, other.meanBytes),
    bytesFullTimes: one.bytesFullTimes + other.bytesFullTimes,
    bytesFullMs: Math.max(one.bytesFullMs, other.bytesFullMs),
    occupancy: Math.max(one.occupancy, other.occupancy),
  }
}
