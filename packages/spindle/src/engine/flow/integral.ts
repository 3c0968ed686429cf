import { coarseNow, exactNow } from './clock.ts'

/** A number summed up over time: how many of something there were, times how long. */
export class Integral {
  private level = 0
  private since = 0
  private sum = 0

  /** The number is `level` from now on. */
  change(level: number): void {
    if (level === this.level) return
    const now = coarseNow()
    this.sum += this.level * (now - this.since)
    this.level = level
    this.since = now
  }

  /** The sum up to now, in units of the number times milliseconds. */
  read(): number {
    return this.sum + this.level * Math.max(0, exactNow() - this.since)
  }
}
