import { exactNow } from '../flow/clock.ts'

/**
 * How long a call has waited for the work that it asked others for: while at least one piece of
 * work was asked for and none had begun. Several may be under way in one call, one after the other
 * or at once.
 */
export class CallWaits {
  #waiting = 0
  #working = 0
  /** When the present wait began; meaningless while something works or nothing waits. */
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

  began(): void {
    if (this.#working++ === 0) this.#sumMs += exactNow() - this.#since
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

/** One piece of work: begins and ends at most once each, whatever it is told. */
class Work {
  readonly #waits: CallWaits
  #hasBegun = false
  #hasEnded = false

  constructor(waits: CallWaits) {
    this.#waits = waits
  }

  begins(): void {
    if (this.#hasBegun || this.#hasEnded) return
    this.#hasBegun = true
    this.#waits.began()
  }

  ends(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#waits.ended(this.#hasBegun)
  }
}
