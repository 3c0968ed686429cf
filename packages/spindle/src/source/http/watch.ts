import { clearTimeout, setTimeout, type Timer } from '../../timers.ts'

/** Ends a request that has given no sign of life for too long. */
export class Watch {
  /** Of the request: aborted by the user, or when it has stalled. */
  readonly signal: AbortSignal
  hasStalled = false
  private readonly timer: Timer | undefined

  constructor(timeoutMs: number, signal: AbortSignal | undefined) {
    const controller = new AbortController()
    this.signal = signal === undefined ? controller.signal : AbortSignal.any([signal, controller.signal])
    if (timeoutMs === Number.POSITIVE_INFINITY) return
    this.timer = setTimeout(() => {
      this.hasStalled = true
      controller.abort()
    }, timeoutMs)
    this.timer.unref()
  }

  /** There was a sign of life. */
  sign(): void {
    this.timer?.refresh()
  }

  end(): void {
    clearTimeout(this.timer)
  }
}
