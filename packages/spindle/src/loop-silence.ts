/** Shorter silences are the usual answer time of a loop, in milliseconds. */
const SHORT_MS = 5
/** Longest silence to bridge, in milliseconds. A longer one is an exception or a fault. */
const LONGEST_MS = 50
/** Share of a new silence by which the known one grows, and the time in which it halves. */
const GROWTH = 0.5
const HALF_LIFE_MS = 500

/**
 * How long this thread's event loop recently answered nothing. A consumer that computes on the loop
 * blocks it again and again, and work that runs elsewhere must last for that time.
 */
export class LoopSilence {
  #ms = 0
  #notedAt = 0

  /** Notes that the loop did something `lateMs` after it could have. */
  note(lateMs: number, nowMs: number): void {
    const known = this.#at(nowMs)
    const late = Math.min(LONGEST_MS, lateMs)
    // Most of what became due during one silence waited for a part of it only.
    this.#ms = late > known ? known + GROWTH * (late - known) : known
    this.#notedAt = nowMs
  }

  /** The silence to expect, in milliseconds; 0 if the loop answers fast. */
  ms(clock: () => number): number {
    // Asked before each call, so the clock is not read for nothing.
    if (this.#ms < SHORT_MS) return 0
    const known = this.#at(clock())
    return known < SHORT_MS ? 0 : known
  }

  #at(nowMs: number): number {
    return this.#ms * 2 ** ((this.#notedAt - nowMs) / HALF_LIFE_MS)
  }
}
