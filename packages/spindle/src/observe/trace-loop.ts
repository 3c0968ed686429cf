import { performance } from 'node:perf_hooks'
import { clockMs, setImmediate } from '../timers.ts'

/** Receives an interval of the event loop, in milliseconds as `performance.now()`. */
export type LoopStretch = (isBusy: boolean, beganAt: number, endedAt: number) => void

/**
 * Records when the event loop was busy and when it was idle. Node only reports the total idle time.
 * So each time the pipeline does something, the track checks whether that total has grown. An
 * immediate, which runs when the loop has handled its events, tells when an idle period could
 * begin. Callbacks of other code between two such points are not seen. Idle time around them is
 * shown as one interval before them.
 */
export class LoopTrack {
  readonly #onStretch: LoopStretch
  #idleMs: number
  /**
   * When the current busy period of the loop began, as far as known; and when the loop last had
   * handled all its events.
   */
  #busySince: number
  #throughAt = 0
  #isWaiting = false
  #isOver = false
  readonly #through = (): void => {
    this.#isWaiting = false
    if (!this.#isOver) this.#throughAt = this.#look()
  }

  constructor(onStretch: LoopStretch) {
    this.#onStretch = onStretch
    this.#idleMs = performance.eventLoopUtilization().idle
    this.#busySince = clockMs()
  }

  /** Notes activity on the loop. Returns the time. */
  note(): number {
    const now = this.#look()
    if (!this.#isWaiting) {
      this.#isWaiting = true
      setImmediate(this.#through)
    }
    return now
  }

  #look(): number {
    const now = clockMs()
    const { idle } = performance.eventLoopUtilization()
    const idleMs = idle - this.#idleMs
    if (idleMs <= 0) return now
    this.#idleMs = idle
    const from = Math.max(this.#busySince, Math.min(this.#throughAt || now, now - idleMs))
    const to = Math.min(now, from + idleMs)
    if (from > this.#busySince) this.#onStretch(true, this.#busySince, from)
    this.#onStretch(false, from, to)
    this.#busySince = to
    return now
  }

  end(): void {
    const now = this.#look()
    this.#isOver = true
    if (now > this.#busySince) this.#onStretch(true, this.#busySince, now)
  }
}
