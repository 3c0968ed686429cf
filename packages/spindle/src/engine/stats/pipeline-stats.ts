import type { WriteProgress } from '../sink.ts'
import type { CpuStats } from './cpu-use.ts'
import type { Histogram } from './histogram.ts'
import type { LevelSums } from './levels.ts'
import type { LoopBlock } from './loop-blocks.ts'
import type { StageWorkers } from './stage-workers.ts'

// The types of `stats()`. `report/read-stats.ts` reads them from a graph.

/** Counts and times of one exit queue, from the start to now. */
export interface QueueStats {
  /** Items that passed through, including those handed to an idle consumer at once. */
  readonly items: number
  /** Number of items queued now. */
  readonly size: number
  readonly capacity: number
  /** Most items queued at once. If it exceeds `capacity`, results kept their tasks' slots. */
  readonly mostItems: number
  /** Bytes queued now, and the maximum so far. 0 without `maxBytes`. */
  readonly bytes: number
  readonly mostBytes: number
  /** Items discarded because the pipeline stopped or a later stage failed. */
  readonly discarded: number
  /** Milliseconds in which the queue was empty. */
  readonly emptyMs: number
  /** Milliseconds in which the queue was full. */
  readonly fullMs: number
  /** The limit in bytes, if there is one, and the milliseconds in which it blocked the queue. */
  readonly maxBytes: number | undefined
  readonly bytesFullMs: number
  /** How often the limit in bytes blocked the queue. */
  readonly bytesFullTimes: number
  /** Mean size of the queued items since the start, in bytes. 0 without `maxBytes`. */
  readonly meanBytes: number
  /**
   * Share of the time in which items were queued, 0 to 1. Near 1, the consumer is the slower side;
   * near 0, the producer is.
   */
  readonly occupancy: number
}

/**
 * How the slots of a stage spent their time, as shares of the slot-time available. Slot-time is
 * `concurrency` x elapsed time if the concurrency did not change. The shares add up to 1.
 */
export interface SlotShares {
  /** Waiting for an item. */
  readonly idle: number
  /**
   * Waiting for a worker of the executor, or for a thread of a library that reports when its work
   * begins (see `trackCall`).
   */
  readonly queued: number
  /** Waiting between two attempts of an item. */
  readonly backoff: number
  /** Waiting for the `rateLimit` of the stage. */
  readonly throttled: number
  /** Working. */
  readonly running: number
  /**
   * Waiting for a free place in the exit queue, or for earlier results. For a stage that holds no
   * results (source, router, merge, sink): the time in which its exit is full.
   */
  readonly blocked: number
}

/** Counts and times of one stage, from the start to now. */
export interface StageStats {
  readonly name: string
  readonly id: number
  readonly where: string | undefined
  readonly concurrency: number
  /**
   * The workers that run its calls. `undefined` if the calls run on the pipeline's own event loop.
   */
  readonly workers: StageWorkers | undefined
  /** Ids of the stages that feed this one. Empty for a source. */
  readonly upstream: readonly number[]
  /** Number of items begun. */
  readonly tasks: number
  /** Number of calls in flight now. */
  readonly running: number
  /** Number of outputs. */
  readonly emitted: number
  /**
   * Number of items done, which is the number of outputs. For the last stage of a pipeline that has
   * given its consumer nothing, it is the number of calls that succeeded (see
   * `PipelineStats.items`).
   */
  readonly items: number
  /**
   * Items for which the op returned `undefined`. They are dropped, or done where `items` counts
   * them.
   */
  readonly skipped: number
  /** Items dropped because they failed. */
  readonly failures: number
  readonly retries: number
  readonly timeouts: number
  /**
   * Mean and longest time of a task that did not fail, in milliseconds; 0 if none was timed. For a
   * generator, the time of an output; for a source, of an item. All tasks of 0.1 ms or more are
   * timed, and one in 16 or 128 of quicker ones.
   */
  readonly meanMs: number
  readonly longestMs: number
  /** Percentiles of these times, within 5 %. */
  readonly p50Ms: number
  readonly p90Ms: number
  readonly p99Ms: number
  /**
   * Mean time that a task waited for a worker of its executor or for a library's thread, in
   * milliseconds. If it is known, `meanMs` does not include it. 0 if it is not known.
   */
  readonly queuedMs: number
  /**
   * Time for which the stage's ops blocked the event loop, in milliseconds. It is an estimate from
   * the timed calls.
   */
  readonly loopMs: number
  readonly shares: SlotShares
  /**
   * The sums behind these figures, for intervals and for merging the figures of several workers.
   */
  readonly sums: StageSums
  /** The stage's exit queue. For several paths, the sum of their queues. */
  readonly queue: QueueStats
}

/** Sums over the tasks of a stage. Times are in milliseconds. */
export interface StageSums {
  readonly timed: number
  readonly timedMs: number
  /** Available slot-time: the possible calls in flight, multiplied by the time. */
  readonly slotMs: number
  /** Slot-time spent in tasks, including those in flight and those that failed. */
  readonly busyMs: number
  readonly queuedTasks: number
  readonly queuedMs: number
  /**
   * Slot-time in which tasks waited for a worker or a library's thread, including those in flight.
   */
  readonly waitedMs: number
  /** Slot-time between two attempts of an item. */
  readonly backoffMs: number
  /** Slot-time of tasks that waited for the rate limit of the stage. */
  readonly throttledMs: number
  /** Slot-time of results that found no place in the exit queue. */
  readonly blockedMs: number
  /** For a stage in a region: how long its calls blocked the workers' event loops, in total. */
  readonly heldMs: number
  readonly histogram: Histogram
  /**
   * Durations of calls, grouped by how many calls were running when they began. They cover the
   * whole run, in intervals too.
   */
  readonly levels: readonly LevelSums[]
}

/** How the consumer spent its time. */
export interface ConsumerStats {
  /**
   * Time for which the consumer waited for an item, in milliseconds and as a share of the elapsed
   * time. This is what loading costs the consumer.
   */
  readonly waitMs: number
  readonly waiting: number
  /**
   * Share of the elapsed time in which the consumer did its own work. It excludes waiting, being
   * held up and the packing of items.
   */
  readonly busy: number
  /**
   * Milliseconds for which ops blocked the event loop while an item was on its way to the consumer,
   * which could then neither work nor wait. It is an estimate from a sample.
   */
  readonly heldUpMs: number
  /**
   * Milliseconds that the pipeline's event loop spent on packing items for a consumer in another
   * thread or process.
   */
  readonly packMs: number
  /**
   * Time for which a function given to `forEach` blocked the event loop, in milliseconds. It is an
   * estimate from a sample.
   */
  readonly loopMs: number
}

/** The statistics of a pipeline since its start. */
export interface PipelineStats {
  /** Number of the pipeline within the process. */
  readonly pipeline: number
  /** Milliseconds from the start to now, or to the end. 0 before the start. */
  readonly elapsedMs: number
  /**
   * Items that the consumer has taken. As long as it has received none, `items` counts the
   * successful calls of the last stage instead: such a stage saves or sends its items and outputs
   * nothing. When the last stage gives its first output, it counts as a filter, and `items` counts
   * outputs from then on.
   */
  readonly items: number
  readonly state: 'idle' | 'running' | 'failing' | 'stopped' | 'done'
  /** Share of the elapsed time in which the event loop was busy, 0 to 1. */
  readonly loopUtilization: number
  /** CPU use of the pipeline's process, and of others, since the start of the pipeline. */
  readonly cpu: CpuStats
  /**
   * Milliseconds for which code in the pipeline's thread waited for memory of a `SegmentPool`, over
   * all requests.
   */
  readonly memoryWaitMs: number
  /**
   * Code that blocked the event loop, as the loop guard reports it, sorted by total time, longest
   * first.
   */
  readonly blocks: readonly LoopBlock[]
  readonly consumer: ConsumerStats
  /** Outcomes of failed items at `deadLetter`. All 0 without one. */
  readonly deadLetters: DeadLetterStats
  /** How far `writeTo()` is; missing without it. */
  readonly written?: WriteProgress
  /** Source, stages and sink, in the order in which they were built. */
  readonly stages: readonly StageStats[]
}

/** The consumer's times. */
export type ConsumerTimes = Omit<ConsumerStats, 'waiting' | 'busy'>

/** Outcomes of the failed items that were given to `deadLetter`. */
export interface DeadLetterStats {
  /** Items that it stored. */
  readonly delivered: number
  /** Items for which it threw or rejected. A resumed run tries them again. */
  readonly refused: number
  /** Items whose promise is pending, and items that wait for one of those. */
  readonly pending: number
}

/** A message with the statistics of a pipeline. */
export interface StatsEvent {
  /**
   * `'interval'`: an interval has passed. `'final'`: the pipeline has ended and everything is
   * counted.
   */
  readonly kind: 'interval' | 'final'
  /** Statistics since the start. */
  readonly total: PipelineStats
  /** Statistics since the previous event. In the final event: the rest. */
  readonly interval: PipelineStats
}
