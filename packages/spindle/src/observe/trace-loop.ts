import { performance } from 'node:perf_hooks'
import { clockMs, setImmediate } from '../timers.ts'

/** A stretch of the loop, in milliseconds by `performance.now()`. */
export type LoopStretch = (isBusy: boolean, beganAt: number, endedAt: number) => void

/**
 * When the event loop worked and when it stood by. Node tells how long it has stood by in all, not
 * when: so each time something of the pipeline's happens, a look at that sum tells whether it has
 * since the last, and an immediate, which runs when the loop is through with what there was, tells
 * from when on. Callbacks of others between two of these are not seen, and a wait with such inside
 * is shown in one piece, before them.
 */
export class LoopTrack {
  readonly #tell: LoopStretch
  #idleMs: number
  /**
   * Since when the loop is busy without a break, as far as is known; and when it was last through
   * with what there was.
   */
  #busySince: number
  #throughAt = 0
  #isWaiting = false
  #isOver = false
  readonly #through = (): void => {
    this.#isWaiting = false
    if (!this.#isOver) this.#throughAt = this.#look()
  }

  constructor(tell: LoopStretch) {
    this.#tell = tell
    this.#idleMs = performance.eventLoopUtilization().idle
    this.#busySince = clockMs()
  }

  /** Something happens. Returns the time. */
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
    if (from > this.#busySince) this.#tell(true, this.#busySince, from)
    this.#tell(false, from, to)
    this.#busySince = to
    return now
  }

  end(): void {
    const now = this.#look()
    this.#isOver = true
    if (now > this.#busySince) this.#tell(true, this.#busySince, now)
  }
}
