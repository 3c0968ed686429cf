import { clearTimeout, clockMs, setTimeout, type Timer } from '../../timers.ts'

/** How often a resting request checks whether it has continued, in milliseconds. */
const RESTING_MS = 250

/**
 * Ends a request that stalls or that takes too long in total. Only waiting counts: while the reader
 * uses a piece, the request {@link rest}s.
 */
export class Watch {
  /** Signal of the request: aborted by the user or by a time limit. */
  readonly signal: AbortSignal
  hasStalled = false
  hasExpired = false
  private readonly controller = new AbortController()
  private readonly idle: Timer | undefined
  private total: Timer | undefined
  private isResting = false
  private waitedMs = 0
  private since = clockMs()

  constructor(idleMs: number, totalMs: number, signal: AbortSignal | undefined) {
    const own = this.controller.signal
    this.signal = signal === undefined ? own : AbortSignal.any([signal, own])
    if (idleMs !== Number.POSITIVE_INFINITY) {
      this.idle = setTimeout(() => {
        if (this.isResting) return
        this.hasStalled = true
        this.controller.abort()
      }, idleMs)
      this.idle.unref()
    }
    if (totalMs !== Number.POSITIVE_INFINITY) this.startTotal(totalMs)
  }

  /** Notes that data arrived; the wait for the next piece begins. */
  sign(): void {
    if (this.isResting) {
      this.isResting = false
      this.since = clockMs()
    }
    this.idle?.refresh()
  }

  /** Stops counting until the next {@link sign}. */
  rest(): void {
    this.isResting = true
    this.waitedMs += clockMs() - this.since
  }

  /** @returns how long the request was waited for, in milliseconds */
  end(): number {
    clearTimeout(this.idle)
    clearTimeout(this.total)
    return this.waited()
  }

  private waited(): number {
    return this.isResting ? this.waitedMs : this.waitedMs + clockMs() - this.since
  }

  private startTotal(totalMs: number): void {
    const leftMs = totalMs - this.waited()
    this.total = setTimeout(
      () => {
        if (this.isResting || this.waited() < totalMs - 1) return this.startTotal(totalMs)
        this.hasExpired = true
        this.controller.abort()
      },
      Math.max(leftMs, this.isResting ? RESTING_MS : 1),
    )
    this.total.unref()
  }
}
