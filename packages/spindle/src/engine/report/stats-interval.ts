import { cpuStatsBetween } from '../stats/cpu-use.ts'
import { Histogram } from '../stats/histogram.ts'
import { blocksBetween } from '../stats/loop-blocks.ts'
import type { PipelineStats, QueueStats, StageStats } from '../stats/pipeline-stats.ts'
import { consumerStats, occupancyOf, withTimes } from './read-stats.ts'

/**
 * Calculates the statistics of an interval from two readings of one pipeline. Counts and times are
 * differences. Derived figures (means, percentiles, shares) cover the interval alone. States
 * (`running`, `size`) and the maxima of queues come from the later reading.
 *
 * @example
 * ```ts
 * const before = pipeline.stats()
 * await work()
 * const { stages } = statsBetween(before, pipeline.stats())
 * ```
 */
export function statsBetween(before: PipelineStats, after: PipelineStats): PipelineStats {
  const elapsedMs = after.elapsedMs - before.elapsedMs
  const busyMs = after.loopUtilization * after.elapsedMs - before.loopUtilization * before.elapsedMs
  const earlier = new Map(before.stages.map((stage) => [stage.id, stage]))
  return {
    ...after,
    elapsedMs,
    items: Math.max(0, after.items - before.items),
    loopUtilization: elapsedMs > 0 ? Math.min(1, Math.max(0, busyMs / elapsedMs)) : 0,
    cpu: cpuStatsBetween(before, after),
    memoryWaitMs: after.memoryWaitMs - before.memoryWaitMs,
    blocks: blocksBetween(before.blocks, after.blocks),
    consumer: consumerStats(
      {
        waitMs: after.consumer.waitMs - before.consumer.waitMs,
        heldUpMs: after.consumer.heldUpMs - before.consumer.heldUpMs,
        packMs: after.consumer.packMs - before.consumer.packMs,
        loopMs: after.consumer.loopMs - before.consumer.loopMs,
      },
      elapsedMs,
    ),
    deadLetters: {
      delivered: after.deadLetters.delivered - before.deadLetters.delivered,
      refused: after.deadLetters.refused - before.deadLetters.refused,
      pending: after.deadLetters.pending,
    },
    stages: after.stages.map((stage) => stageBetween(earlier.get(stage.id), stage, elapsedMs)),
  }
}

function stageBetween(
  before: StageStats | undefined,
  after: StageStats,
  elapsedMs: number,
): StageStats {
  if (before === undefined) return after
  const histogram = after.sums.histogram.copy()
  histogram.merge(before.sums.histogram, -1)
  const [a, b] = [after.sums, before.sums]
  const sums = {
    timed: a.timed - b.timed,
    timedMs: a.timedMs - b.timedMs,
    slotMs: a.slotMs - b.slotMs,
    busyMs: Math.max(0, a.busyMs - b.busyMs),
    queuedTasks: a.queuedTasks - b.queuedTasks,
    queuedMs: a.queuedMs - b.queuedMs,
    waitedMs: Math.max(0, a.waitedMs - b.waitedMs),
    backoffMs: Math.max(0, a.backoffMs - b.backoffMs),
    throttledMs: Math.max(0, a.throttledMs - b.throttledMs),
    blockedMs: a.blockedMs - b.blockedMs,
    heldMs: a.heldMs - b.heldMs,
    histogram,
    // Calls with few others at a time occur mostly at the beginning, so keep the sums of the whole
    // run.
    levels: a.levels,
  }
  const counts = {
    ...after,
    tasks: after.tasks - before.tasks,
    emitted: after.emitted - before.emitted,
    // `items` restarts when the last stage turns out to be a filter.
    items: Math.max(0, after.items - before.items),
    skipped: after.skipped - before.skipped,
    failures: after.failures - before.failures,
    retries: after.retries - before.retries,
    timeouts: after.timeouts - before.timeouts,
    workers: workersBetween(before.workers, after.workers),
    loopMs: after.loopMs - before.loopMs,
    queue: queueBetween(before.queue, after.queue, elapsedMs),
  }
  return withTimes(counts, sums, histogram.percentile(1), elapsedMs)
}

function workersBetween(
  before: StageStats['workers'],
  after: StageStats['workers'],
): StageStats['workers'] {
  if (after?.busyMs === undefined) return after
  return { ...after, busyMs: after.busyMs - (before?.busyMs ?? 0) }
}

function queueBetween(before: QueueStats, after: QueueStats, elapsedMs: number): QueueStats {
  const emptyMs = after.emptyMs - before.emptyMs
  return {
    ...after,
    items: after.items - before.items,
    discarded: after.discarded - before.discarded,
    emptyMs,
    fullMs: after.fullMs - before.fullMs,
    bytesFullMs: after.bytesFullMs - before.bytesFullMs,
    bytesFullTimes: after.bytesFullTimes - before.bytesFullTimes,
    occupancy: occupancyOf(emptyMs, elapsedMs),
  }
}

/**
 * Merges the statistics of one stage that runs in several places. Counts, times and capacities are
 * added up; shares and percentiles are calculated from the sums.
 */
export function mergeStages(parts: readonly StageStats[], elapsedMs: number): StageStats {
  const [first] = parts
  if (first === undefined) throw new RangeError('mergeStages() needs at least one stage')
  const sum = (of: (stage: StageStats) => number): number =>
    parts.reduce((total, stage) => total + of(stage), 0)
  const histogram = new Histogram()
  for (const { sums } of parts) histogram.merge(sums.histogram)
  const sums = {
    timed: sum((stage) => stage.sums.timed),
    timedMs: sum((stage) => stage.sums.timedMs),
    slotMs: sum((stage) => stage.sums.slotMs),
    busyMs: sum((stage) => stage.sums.busyMs),
    queuedTasks: sum((stage) => stage.sums.queuedTasks),
    queuedMs: sum((stage) => stage.sums.queuedMs),
    waitedMs: sum((stage) => stage.sums.waitedMs),
    backoffMs: sum((stage) => stage.sums.backoffMs),
    throttledMs: sum((stage) => stage.sums.throttledMs),
    blockedMs: sum((stage) => stage.sums.blockedMs),
    heldMs: sum((stage) => stage.sums.heldMs),
    histogram,
    levels: first.sums.levels,
  }
  const emptyMs = Math.min(...parts.map(({ queue }) => queue.emptyMs))
  const counts = {
    ...first,
    concurrency: sum((stage) => stage.concurrency),
    tasks: sum((stage) => stage.tasks),
    running: sum((stage) => stage.running),
    emitted: sum((stage) => stage.emitted),
    items: sum((stage) => stage.items),
    skipped: sum((stage) => stage.skipped),
    failures: sum((stage) => stage.failures),
    retries: sum((stage) => stage.retries),
    timeouts: sum((stage) => stage.timeouts),
    loopMs: sum((stage) => stage.loopMs),
    queue: {
      items: sum(({ queue }) => queue.items),
      size: sum(({ queue }) => queue.size),
      capacity: sum(({ queue }) => queue.capacity),
      mostItems: sum(({ queue }) => queue.mostItems),
      bytes: sum(({ queue }) => queue.bytes),
      mostBytes: sum(({ queue }) => queue.mostBytes),
      discarded: sum(({ queue }) => queue.discarded),
      emptyMs,
      fullMs: Math.max(...parts.map(({ queue }) => queue.fullMs)),
      maxBytes: first.queue.maxBytes,
      bytesFullMs: Math.max(...parts.map(({ queue }) => queue.bytesFullMs)),
      bytesFullTimes: Math.max(...parts.map(({ queue }) => queue.bytesFullTimes)),
      meanBytes: first.queue.meanBytes,
      occupancy: occupancyOf(emptyMs, elapsedMs),
    },
  }
  return withTimes(counts, sums, Math.max(...parts.map((stage) => stage.longestMs)), elapsedMs)
}
