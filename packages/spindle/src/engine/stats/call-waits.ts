import { exactNow } from '../flow/clock.ts'

/**
 * Measures how long a call waits for work that it requested: the time in which work is requested
 * and none has begun. A call may request several pieces of work, one after another or at once.
 */
export class CallWaits {
  #waiting = 0
  #working = 0
  /** When the current wait began. Meaningless while work runs or nothing waits. */
  #since: number
  #sumMs = 0

  /** `since`: when the first wait began. */
  constructor(since: number) {
    this.#since = since
  }

  ask(): Work {
    if (this.#waiting === 0 && this.#working === 0) this.#since = exactNow()
    this.#waiting++
    return new Work(this)
  }

  began(agoMs: number = 0): void {
    if (this.#working++ === 0) this.#sumMs += Math.max(0, exactNow() - agoMs - this.#since)
    this.#waiting--
  }

  ended(hasBegun: boolean): void {
    if (hasBegun) {
      if (--this.#working === 0 && this.#waiting > 0) this.#since = exactNow()
    } else if (--this.#waiting === 0 && this.#working === 0) this.#sumMs += exactNow() - this.#since
  }

  /** Milliseconds up to `now`. */
  readMs(now: number): number {
    return (
      this.#sumMs + (this.#waiting > 0 && this.#working === 0 ? Math.max(0, now - this.#since) : 0)
    )
  }
}

/** One piece of work. It begins and ends at most once, even if it is called more often. */
class Work {
  readonly #waits: CallWaits
  #hasBegun = false
  #hasEnded = false

  constructor(waits: CallWaits) {
    this.#waits = waits
  }

  begins(agoMs?: number): void {
    if (this.#hasBegun || this.#hasEnded) return
    this.#hasBegun = true
    this.#waits.began(agoMs)
  }

  ends(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#waits.ended(this.#hasBegun)
  }
}
