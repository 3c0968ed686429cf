import type { CpuStats } from './cpu-use.ts'
import type { Histogram } from './histogram.ts'
import type { LevelSums } from './levels.ts'
import type { LoopBlock } from './loop-blocks.ts'
import type { StageWorkers } from './stage-workers.ts'

// What `stats()` gives, in words: how it is read from a graph is in `stats.ts`.

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
  /**
   * Share of the time in which something was queued, 0 to 1: near 1 the consumer is the slower
   * side, near 0 the producer.
   */
  readonly occupancy: number
}

/**
 * How the slots of a stage spent their time: shares of the slot-time there was (`concurrency` x
 * elapsed time, where that was not changed), which add up to 1.
 */
export interface SlotShares {
  /** Waiting for an item. */
  readonly idle: number
  /**
   * Waiting for a worker of the executor, or for a thread of a library that reports when its work
   * begins (see `trackCall`).
   */
  readonly queued: number
  /** Waiting between two tries of an item. */
  readonly backoff: number
  /** Working. */
  readonly running: number
  /**
   * Waiting for room: for a place for a result in the exit queue, or for earlier results. Of a
   * stage that holds no results (source, router, merge, sink): while its exit is full.
   */
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
  /**
   * Items that are done here: those put out. Of the last stage of a pipeline that has given its
   * consumer nothing, the calls that ended well (see `PipelineStats.items`).
   */
  readonly items: number
  /** Items for which the op gave `undefined`: dropped, or done where `items` counts them. */
  readonly skipped: number
  /** Items dropped because they failed. */
  readonly failures: number
  readonly retries: number
  readonly timeouts: number
  /**
   * Mean and longest time of a task that did not fail, in milliseconds; 0 if none was timed. Of a
   * generator: of an output; of a source: of an item. All tasks of 0.1 ms and more are timed, of
   * quicker ones one in 16 or 128.
   */
  readonly meanMs: number
  readonly longestMs: number
  /** Percentiles of these times, within 5 %. */
  readonly p50Ms: number
  readonly p90Ms: number
  readonly p99Ms: number
  /**
   * Mean time that a task waited for a worker of its executor or a library's thread, in
   * milliseconds; not in `meanMs` where it is known. 0 if it is not.
   */
  readonly queuedMs: number
  /**
   * Time for which the stage's ops held the loop, in milliseconds (an estimate from the timed
   * ones).
   */
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
  /**
   * Slot-time in which tasks waited for a worker or a library's thread, those in flight included.
   */
  readonly waitedMs: number
  /** Slot-time between two tries of an item. */
  readonly backoffMs: number
  /** Slot-time held by results without a place. */
  readonly blockedMs: number
  /** Of a region's stage: how long its calls held the workers' loops, together. */
  readonly heldMs: number
  readonly histogram: Histogram
  /**
   * What calls took by how many were under way when they began; of the whole run, also in
   * intervals.
   */
  readonly levels: readonly LevelSums[]
}

/** What whoever takes the items did with its time. */
export interface ConsumerStats {
  /**
   * Milliseconds for which it waited for an item, and the same as a share of the elapsed time: what
   * loading costs it.
   */
  readonly waitMs: number
  readonly waiting: number
  /**
   * Share of the elapsed time in which it did something else: neither waited, nor was held up, nor
   * had items packed for it.
   */
  readonly busy: number
  /**
   * Milliseconds for which ops held the loop while an item was on its way to it: it could neither
   * work nor wait (an estimate from a sample).
   */
  readonly heldUpMs: number
  /**
   * Milliseconds that the pipeline's own loop spent on packing items, for a consumer in another
   * thread or process.
   */
  readonly packMs: number
  /**
   * Time for which a function given to `forEach` held the loop, in milliseconds (an estimate from a
   * sample).
   */
  readonly loopMs: number
}

/** What a pipeline has done so far. */
export interface PipelineStats {
  /** Number of the pipeline in this process. */
  readonly pipeline: number
  /** Milliseconds since it started, to now or to its end; 0 before. */
  readonly elapsedMs: number
  /**
   * Items that have come to the end: those the consumer has taken. While it has got none, the calls
   * of the last stage that ended well: such a stage saves or sends its items and gives nothing.
   * When it gives its first output it is a filter, and `items` begins to count outputs.
   */
  readonly items: number
  readonly state: 'idle' | 'running' | 'failing' | 'stopped' | 'done'
  /** Share of the elapsed time in which the event loop was not waiting, 0 to 1. */
  readonly loopUtilization: number
  /** What the process that runs the pipeline, and others, used of the CPU since its start. */
  readonly cpu: CpuStats
  /**
   * Milliseconds for which code in the pipeline's thread waited for memory of a `SegmentPool`, all
   * requests together.
   */
  readonly memoryWaitMs: number
  /**
   * What held the event loop for long, as the loop guard saw it; those that held it longest
   * together first.
   */
  readonly blocks: readonly LoopBlock[]
  readonly consumer: ConsumerStats
  /** What became of failed items at `deadLetter`; all 0 where there is none. */
  readonly deadLetters: DeadLetterStats
  /** Source, stages, sink, in building order. */
  readonly stages: readonly StageStats[]
}

/** The consumer's times. */
export type ConsumerTimes = Omit<ConsumerStats, 'waiting' | 'busy'>

/** What became of the failed items that were offered to `deadLetter`. */
export interface DeadLetterStats {
  /** Items that it has kept. */
  readonly delivered: number
  /** Items for which it threw or rejected. A run that goes on later tries them again. */
  readonly refused: number
  /** Items whose promise is pending, or that wait for one of those. */
  readonly pending: number
}

/** Figures of a pipeline, as they are pushed to whoever asked for them. */
export interface StatsEvent {
  /**
   * `'interval'`: some time has passed; `'final'`: the pipeline has ended, and everything is
   * counted.
   */
  readonly kind: 'interval' | 'final'
  /** All since the start. */
  readonly total: PipelineStats
  /** What happened since the event before; of the final event, the rest. */
  readonly interval: PipelineStats
}
