import { opsHeld } from './held-loop.ts'
import { Histogram } from './histogram.ts'
import { Levels } from './levels.ts'

/**
 * The counters of a stage. Times come from a sample of its tasks. Each sample also stands for the
 * tasks since the previous one.
 */
export class Counters {
  /** Items that failed. */
  failures = 0
  /** Items dropped because the op returned `undefined`. */
  skipped = 0
  /** Successful calls without output: the work of a last stage that saves or sends its items. */
  silent = 0
  /** Called when `silent` has grown; see `finished-items.ts`. */
  onSilent: (() => void) | undefined = undefined
  /** Attempts after the first. */
  retries = 0
  /** Attempts that exceeded the time limit. */
  timeouts = 0
  /** Total time of all tasks, including those that failed. */
  busyMs = 0
  /**
   * For tasks that did not fail: how many tasks the samples stand for, their total time, and the
   * longest time.
   */
  timed = 0
  timedMs = 0
  longestMs = 0
  /** Time for which ops blocked the event loop. */
  loopMs = 0
  /** Tasks with a known wait for a worker, and the total of their waits. */
  queuedTasks = 0
  queuedMs = 0
  /** Total time that all tasks waited for a worker. */
  waitedMs = 0
  /** Time between the attempts of items. */
  backoffMs = 0
  /** Time in which tasks waited for the rate limit of the stage. */
  throttledMs = 0
  readonly histogram: Histogram = new Histogram()
  readonly levels: Levels = new Levels()
  private readonly isOfOps: boolean

  /** `isOfOps`: the counters belong to a stage and not to the consumer. */
  constructor(isOfOps = true) {
    this.isOfOps = isOfOps
  }

  /** `weight` tasks (or outputs of a generator) took `ms` each. */
  took(ms: number, weight: number, isOk: boolean): void {
    this.busyMs += ms * weight
    if (!isOk) return
    this.timed += weight
    this.timedMs += ms * weight
    if (ms > this.longestMs) this.longestMs = ms
    this.histogram.add(ms, weight)
  }

  /** Counts successful calls without output. */
  endedSilently(calls: number): void {
    this.silent += calls
    if (this.onSilent !== undefined && calls > 0) this.onSilent()
  }

  /** Ops blocked the event loop. */
  held(ms: number): void {
    this.loopMs += ms
    if (this.isOfOps) opsHeld(ms)
  }

  /** A task waited for a worker. */
  queued(ms: number): void {
    this.queuedTasks++
    this.queuedMs += ms
  }
}
