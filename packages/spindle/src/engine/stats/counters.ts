import { opsHeld } from './held-loop.ts'
import { Histogram } from './histogram.ts'
import { Levels } from './levels.ts'

/**
 * What a stage counts. Times are of a sample of its tasks, each standing for those since the one
 * before.
 */
export class Counters {
  /** Items that failed. */
  failures = 0
  /** Items dropped by the op returning `undefined`. */
  skipped = 0
  /**
   * Calls that ended well and gave no output: what a last stage that saves or sends its items has
   * done.
   */
  silent = 0
  /** Called when that has grown; see `finished-items.ts`. */
  onSilent: (() => void) | undefined = undefined
  /** Attempts after the first. */
  retries = 0
  /** Attempts that took too long. */
  timeouts = 0
  /** Time that all tasks took together, those that failed included. */
  busyMs = 0
  /**
   * Of those that did not fail: the tasks that the timed ones stand for, the time they took
   * together, and the longest that was seen.
   */
  timed = 0
  timedMs = 0
  longestMs = 0
  /** Time for which ops held the loop. */
  loopMs = 0
  /** Tasks whose wait for a worker is known, and how long they waited together. */
  queuedTasks = 0
  queuedMs = 0
  /** How long all tasks together waited for a worker. */
  waitedMs = 0
  /** Time between the tries of items. */
  backoffMs = 0
  readonly histogram: Histogram = new Histogram()
  readonly levels: Levels = new Levels()
  private readonly isOfOps: boolean

  /** `isOfOps`: they are a stage's, not the consumer's. */
  constructor(isOfOps = true) {
    this.isOfOps = isOfOps
  }

  /** `weight` tasks (of a generator: outputs) took `ms` each. */
  took(ms: number, weight: number, isOk: boolean): void {
    this.busyMs += ms * weight
    if (!isOk) return
    this.timed += weight
    this.timedMs += ms * weight
    if (ms > this.longestMs) this.longestMs = ms
    this.histogram.add(ms, weight)
  }

  /** So many calls ended well and gave no output. */
  endedSilently(calls: number): void {
    this.silent += calls
    if (this.onSilent !== undefined && calls > 0) this.onSilent()
  }

  /** Ops held the loop. */
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
