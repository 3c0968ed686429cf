import { exactNow } from './clock.ts'
import type { Counters } from './stage.ts'

const SELDOM = 127
const OFTEN = 15
const QUICK_MS = 0.02

/** Times a sample of a stage's tasks: one in 16 where they take long enough to matter beside the clock, one in 128 of quick ones. */
export class TaskTimer {
  private mask = OFTEN

  /** Whether the `count`-th task is to be timed. */
  isDue(count: number): boolean {
    return (count & this.mask) === 0
  }

  /** Adds a task that began at `startedAt`: it stands for all since the one timed before. Returns whether it was quick. */
  end(startedAt: number, counters: Counters): boolean {
    const took = exactNow() - startedAt
    const weight = this.mask + 1
    counters.timed += weight
    counters.timedMs += took * weight
    if (took > counters.longestMs) counters.longestMs = took
    const isQuick = took < QUICK_MS
    this.mask = isQuick ? SELDOM : OFTEN
    return isQuick
  }
}
