import type { Queue } from '../flow/queue.ts'
import { finishedItems, silentStages } from '../stages/finished-items.ts'
import { FAILING, type Stage } from '../stages/stage.ts'
import type { ProcessUse } from '../stats/cpu-use.ts'
import type { LoopBlocks } from '../stats/loop-blocks.ts'
import type {
  ConsumerStats,
  ConsumerTimes,
  DeadLetterStats,
  PipelineStats,
  QueueStats,
  SlotShares,
  StageStats,
  StageSums,
} from '../stats/pipeline-stats.ts'

/** The parts of a graph from which statistics are read. */
export interface MeasuredGraph {
  readonly pipelineId: number
  readonly isStarted: boolean
  readonly isStopped: boolean
  /** Milliseconds since the start; 0 before. */
  readonly elapsedMs: number
  /** When the graph ended; 0 before. */
  readonly endedAt: number
  readonly loopUtilization: number
  readonly use: Pick<ProcessUse, 'cpu' | 'memoryWaitMs'>
  readonly blocks: LoopBlocks
  readonly letters: { readonly stats: DeadLetterStats } | undefined
  readonly stages: readonly Stage[]
  readonly sink: Stage & { readonly input: Queue; readonly exit: Queue }
  readonly reader: { readonly given: number; readonly times: ConsumerTimes }
}

/** Reads a graph's counters. It is cheap enough for every second, but not for every item. */
export function readStats(graph: MeasuredGraph): PipelineStats {
  const elapsedMs = graph.elapsedMs
  const silent = new Set(silentStages(graph.sink))
  const makers = new Map<Queue, number>()
  for (const stage of graph.stages) for (const exit of stage.exits) makers.set(exit, stage.info.id)
  return {
    pipeline: graph.pipelineId,
    elapsedMs,
    items: graph.sink.exit.passed > 0 ? graph.reader.given : finishedItems(graph.sink),
    state: stateOf(graph),
    loopUtilization: graph.loopUtilization,
    cpu: graph.use.cpu,
    memoryWaitMs: graph.use.memoryWaitMs,
    blocks: graph.blocks.read(),
    consumer: consumerStats(graph.reader.times, elapsedMs),
    deadLetters: graph.letters?.stats ?? noLetters,
    stages: graph.stages.map((stage) => {
      const upstream =
        stage.upstream ??
        stage.inputs.map((queue) => makers.get(queue)).filter((id) => id !== undefined)
      return stageStats(
        stage,
        [...new Set(upstream)],
        silent.has(stage),
        elapsedMs,
        graph.isStarted,
      )
    }),
  }
}

/** The figures without a `deadLetter`. */
export const noLetters: DeadLetterStats = { delivered: 0, refused: 0, pending: 0 }

/** Completes the consumer's figures. */
export function consumerStats(times: ConsumerTimes, elapsedMs: number): ConsumerStats {
  const { waitMs, heldUpMs, packMs, loopMs } = times
  const waiting = elapsedMs > 0 ? Math.min(1, waitMs / elapsedMs) : 0
  const others =
    elapsedMs > 0 ? Math.min(1 - waiting, Math.max(0, heldUpMs + packMs) / elapsedMs) : 0
  return {
    waitMs,
    waiting,
    busy: elapsedMs > 0 ? 1 - waiting - others : 0,
    heldUpMs,
    packMs,
    loopMs,
  }
}

function stateOf(graph: MeasuredGraph): PipelineStats['state'] {
  if (graph.isStopped) return 'stopped'
  if (graph.endedAt > 0) return 'done'
  if (graph.stages.some((stage) => stage.state === FAILING)) return 'failing'
  return graph.isStarted ? 'running' : 'idle'
}

/** `isSilent`: items end in this stage. */
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
    throttledMs: counters.throttledMs + pending.throttledMs,
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

/**
 * Number of items that a stage dropped because its op returned `undefined`. Items that count as
 * done are not included.
 */
export function droppedBy({ items, emitted, skipped }: StageStats): number {
  return items > emitted ? 0 : skipped
}

type Times = 'meanMs' | 'longestMs' | 'p50Ms' | 'p90Ms' | 'p99Ms' | 'queuedMs' | 'shares' | 'sums'

/** Adds the figures that follow from the sums of a stage. */
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
  if (elapsedMs <= 0 || sums.slotMs <= 0)
    return { idle: 1, queued: 0, backoff: 0, throttled: 0, running: 0, blocked: 0 }
  const all = sums.slotMs
  // Estimates from samples may exceed the available time. The running time takes precedence,
  // because it is measured best.
  const running = Math.min(1, sums.busyMs / all)
  const blocked = Math.min(1 - running, Math.max(0, sums.blockedMs) / all)
  const backoff = Math.min(1 - running - blocked, Math.max(0, sums.backoffMs) / all)
  const paused = running + blocked + backoff
  const throttled = Math.min(1 - paused, Math.max(0, sums.throttledMs) / all)
  const queued = Math.min(1 - paused - throttled, Math.max(0, sums.waitedMs) / all)
  const idle = 1 - paused - throttled - queued
  return { idle, queued, backoff, throttled, running, blocked }
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

/** Share of the time in which items were queued, 0 to 1. */
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
