import { coarseNow, exactNow } from './clock.ts'
import type { Counters } from './counters.ts'

// Which tasks are timed, by how long the last one took: all of those beside which the clock (two or three reads of 43 ns) is nothing,
// and a sample of the quicker ones.
const SELDOM = 127
const OFTEN = 15
const ALWAYS = 0
const QUICK_MS = 0.02
const SLOW_MS = 0.1
/** Of the tasks of an executor that are timed, one in so many asks to be told of its beginning, which costs a message; … */
const ASKING = 15
/** … and each, where tasks take so long that a message is nothing. */
const LONG_MS = 2

/** A task that is timed. */
export class Timing {
  readonly startedAt: number
  /** Tasks that it stands for: those since the one timed before. */
  readonly weight: number
  /** How long its op held the loop. */
  loopMs = 0
  /** When it began where it runs; 0 if nobody told. */
  begunAt = 0
  /** Calls of the stage under way when it began, it included; 0 if nobody told. */
  calls = 0
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
  /** Until one has ended, each is timed: those that begin while few others are under way are worth knowing. */
  private mask = ALWAYS
  private accounted = 0
  /** Until it is known, each is asked: the first wait for their threads to start. */
  private lastMs = Number.POSITIVE_INFINITY
  /** How long the last task that told of its beginning had waited for it. */
  private lastWaitMs = 0

  /** Whether the `count`-th task is to be timed. */
  isDue(count: number): boolean {
    return (count & this.mask) === 0
  }

  /** Begins to time the `count`-th task. */
  begin(count: number): Timing {
    const weight = Math.max(1, count + 1 - this.accounted)
    this.accounted = count + 1
    return new Timing(weight, this.lastMs >= LONG_MS || (count & ASKING) === 0)
  }

  /** The op has returned, a promise perhaps. Returns whether it was so quick that nobody needs to look at the time between two calls. */
  returned(timing: Timing, counters: Counters): boolean {
    timing.loopMs = exactNow() - timing.startedAt
    counters.loopMs += timing.loopMs * timing.weight
    return timing.loopMs < QUICK_MS
  }

  /**
   * A step that was not timed has ended, after a wait that began at `askedAt` by the coarse clock. A source that asks for pages gives one slow
   * step among many quick ones: if it fell between two samples, nobody would know what the source does with its time.
   */
  came(askedAt: number, counters: Counters): void {
    const tookMs = coarseNow() - askedAt
    if (tookMs < SLOW_MS) return
    counters.took(tookMs, 1, true)
    // The next sample stands for one less.
    this.accounted++
  }

  /** The task has ended. */
  end(timing: Timing, counters: Counters, isOk: boolean): void {
    const allMs = exactNow() - timing.startedAt
    if (timing.begunAt !== 0) {
      this.lastWaitMs = timing.begunAt - timing.startedAt
      counters.queued(this.lastWaitMs)
    }
    // A task that did not tell has waited like those around it: what it waited is no work.
    const tookMs = Math.max(0, allMs - this.lastWaitMs)
    this.lastMs = tookMs
    counters.took(tookMs, timing.weight, isOk)
    if (isOk && timing.calls > 0) counters.levels.add(timing.calls, tookMs)
    this.mask = tookMs >= SLOW_MS ? ALWAYS : tookMs >= QUICK_MS ? OFTEN : SELDOM
  }
}
