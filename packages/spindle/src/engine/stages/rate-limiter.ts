import { clearTimeout, clockMs, setTimeout, type Timer } from '../../timers.ts'
import type { RateLimit } from '../types.ts'

/**
 * Decides when calls may begin. It is the "generic cell rate algorithm": one number, the time at
 * which a steady stream of calls would be due, is compared with the clock. It has no clock of its
 * own and no sums, so nothing drifts, and the same times give the same decisions.
 */
export class CallTimes {
  readonly #intervalMs: number
  readonly #toleranceMs: number
  /** When the next call of a steady stream would be due. */
  #dueAt = Number.NEGATIVE_INFINITY

  constructor({ perSecond, burst }: Required<RateLimit>) {
    this.#intervalMs = 1000 / perSecond
    this.#toleranceMs = this.#intervalMs * (burst - 1)
  }

  /** Milliseconds from `now` until a call may begin; 0 if it may begin now. */
  waitMs(now: number): number {
    return Math.max(0, this.#dueAt - this.#toleranceMs - now)
  }

  /** Counts a call that begins at `now`. */
  begin(now: number): void {
    this.#dueAt = Math.max(this.#dueAt, now) + this.#intervalMs
  }
}

interface Waiting {
  readonly begin: (mayBegin: boolean) => void
}

/** Lets the calls of one stage begin in the order in which they ask, within a {@link RateLimit}. */
export class RateLimiter {
  readonly #times: CallTimes
  readonly #waiting: Set<Waiting> = new Set()
  #timer: Timer | undefined

  constructor(limit: Required<RateLimit>) {
    this.#times = new CallTimes(limit)
  }

  /** Whether a call may begin now. If so, it counts as begun. */
  tryBegin(): boolean {
    const now = clockMs()
    if (this.#waiting.size > 0 || this.#times.waitMs(now) > 0) return false
    this.#times.begin(now)
    return true
  }

  /**
   * Resolves to true when the call may begin; it counts as begun then. Resolves to false as soon as
   * a listener in `onAbort` is called.
   */
  wait(onAbort: Set<(reason: unknown) => void>): Promise<boolean> {
    return new Promise((resolve) => {
      const waiting: Waiting = {
        begin: (mayBegin) => {
          onAbort.delete(stop)
          resolve(mayBegin)
        },
      }
      const stop = (): void => {
        this.#waiting.delete(waiting)
        if (this.#waiting.size === 0) this.#stopTimer()
        waiting.begin(false)
      }
      onAbort.add(stop)
      this.#waiting.add(waiting)
      this.#serve()
    })
  }

  /** Begins the calls that may begin, and sets the timer for the next one. */
  #serve(): void {
    for (const waiting of this.#waiting) {
      const now = clockMs()
      const waitMs = this.#times.waitMs(now)
      if (waitMs > 0) {
        this.#timer ??= setTimeout(() => {
          this.#timer = undefined
          this.#serve()
        }, Math.ceil(waitMs))
        return
      }
      this.#times.begin(now)
      this.#waiting.delete(waiting)
      waiting.begin(true)
    }
  }

  #stopTimer(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
