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

  readonly #call: { worksNow(): void } | undefined

  /** `since`: when the first wait began. `call` hears when work begins while none was running. */
  constructor(since: number, call?: { worksNow(): void }) {
    this.#since = since
    this.#call = call
  }

  ask(): Work {
    if (this.#waiting === 0 && this.#working === 0) this.#since = exactNow()
    this.#waiting++
    return new Work(this)
  }

  began(): void {
    const isFirst = this.#working++ === 0
    if (isFirst) this.#sumMs += exactNow() - this.#since
    this.#waiting--
    if (isFirst) this.#call?.worksNow()
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
