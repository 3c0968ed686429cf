import type { Graph } from './graph.ts'
import type { Queue } from './queue.ts'
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
}

/** Counts and times of one stage, up to now. */
export interface StageStats {
  readonly name: string
  readonly id: number
  readonly where: string | undefined
  readonly concurrency: number
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
  /** Mean and longest time of a task in milliseconds, of those that were timed (one in 16, or in 128 of quick ones); 0 if none was. */
  readonly meanMs: number
  readonly longestMs: number
  /** The stage's exit queue; for several paths, all of them together. */
  readonly queue: QueueStats
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
  /** Source, stages, sink, in building order. */
  readonly stages: readonly StageStats[]
}

/** Reads a graph's counters; cheap enough for every second, not for every item. */
export function readStats(graph: Graph): PipelineStats {
  const end = graph.endedAt > 0 ? graph.endedAt : performance.now()
  return {
    pipeline: graph.pipelineId,
    elapsedMs: graph.isStarted ? end - graph.startedAt : 0,
    items: graph.outlet.given,
    state: stateOf(graph),
    stages: graph.stages.map(stageStats),
  }
}

function stateOf(graph: Graph): PipelineStats['state'] {
  if (graph.isStopped) return 'stopped'
  if (graph.endedAt > 0) return 'done'
  if (graph.stages.some((stage) => stage.state === FAILING)) return 'failing'
  return graph.isStarted ? 'running' : 'idle'
}

function stageStats(stage: Stage): StageStats {
  const { info, counters } = stage
  return {
    name: info.name,
    id: info.id,
    where: info.where,
    concurrency: info.concurrency,
    tasks: stage.tasks,
    running: stage.running,
    emitted: stage.exits.reduce((items, queue) => items + queue.passed, 0),
    skipped: counters.skipped,
    failures: counters.failures,
    retries: counters.retries,
    timeouts: counters.timeouts,
    meanMs: counters.timed > 0 ? counters.timedMs / counters.timed : 0,
    longestMs: counters.longestMs,
    queue: stage.exits.map(queueStats).reduce(together),
  }
}

function queueStats(queue: Queue): QueueStats {
  return {
    items: queue.passed,
    size: queue.length,
    capacity: queue.capacity,
    mostItems: queue.mostItems,
    bytes: queue.bytes,
    mostBytes: queue.mostBytes,
    discarded: queue.discarded,
    ...queue.times(),
  }
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
  }
}
