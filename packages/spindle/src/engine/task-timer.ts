import { exactNow } from './clock.ts'
import type { Counters } from './counters.ts'

// Which tasks are timed, by how long the last one took: all of those beside which the clock (two or three reads of 43 ns) is nothing,
// and a sample of the quicker ones.
const SELDOM = 127
const OFTEN = 15
const ALWAYS = 0
const QUICK_MS = 0.02
const SLOW_MS = 0.1
/** Of the tasks of an executor that are timed, one in so many asks to be told of its beginning, which costs a message. */
const ASKING = 15

/** A task that is timed. */
export class Timing {
  readonly startedAt: number
  /** Tasks that it stands for: those since the one timed before. */
  readonly weight: number
  /** How long its op held the loop. */
  loopMs = 0
  /** When it began where it runs; 0 if nobody told. */
  begunAt = 0
  private readonly isAsking: boolean

  constructor(weight: number, isAsking: boolean) {
    this.startedAt = exactNow()
    this.weight = weight
    this.isAsking = isAsking
  }

  /** What an executor is to call when the op begins. */
  get onStart(): (() => void) | undefined {
    if (!this.isAsking) return undefined
    return () => {
      this.begunAt = exactNow()
    }
  }
}

/** Times a sample of a stage's tasks. */
export class TaskTimer {
  private mask = OFTEN
  private accounted = 0

  /** Whether the `count`-th task is to be timed. */
  isDue(count: number): boolean {
    return (count & this.mask) === 0
  }

  /** Begins to time the `count`-th task. */
  begin(count: number): Timing {
    const weight = Math.max(1, count + 1 - this.accounted)
    this.accounted = count + 1
    return new Timing(weight, (count & ASKING) === 0)
  }

  /** The op has returned, a promise perhaps. Returns whether it was so quick that nobody needs to look at the time between two calls. */
  returned(timing: Timing, counters: Counters): boolean {
    timing.loopMs = exactNow() - timing.startedAt
    counters.loopMs += timing.loopMs * timing.weight
    return timing.loopMs < QUICK_MS
  }

  /** The task has ended. */
  end(timing: Timing, counters: Counters, isOk: boolean): void {
    const now = exactNow()
    const tookMs = now - (timing.begunAt === 0 ? timing.startedAt : timing.begunAt)
    if (timing.begunAt !== 0) counters.queued(timing.begunAt - timing.startedAt)
    counters.took(tookMs, timing.weight, isOk)
    this.mask = tookMs >= SLOW_MS ? ALWAYS : tookMs >= QUICK_MS ? OFTEN : SELDOM
  }
}
