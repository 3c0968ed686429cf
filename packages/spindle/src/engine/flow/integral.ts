import { coarseNow, exactNow } from './clock.ts'

/** Integrates a number over time: the sum of each level multiplied by its duration. */
export class Integral {
  private level = 0
  private since = 0
  private sum = 0

  /** Sets the number to `level` from now on. */
  change(level: number): void {
    if (level === this.level) return
    const now = coarseNow()
    this.sum += this.level * (now - this.since)
    this.level = level
    this.since = now
  }

  /** The sum so far, in units of the number times milliseconds. */
  read(): number {
    return this.sum + this.level * Math.max(0, exactNow() - this.since)
  }
}
