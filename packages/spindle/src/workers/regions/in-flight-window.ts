/**
 * How much work should be in flight to or from a worker, in milliseconds: enough to bridge the time
 * until the next arrives.
 */
const AHEAD_MS = 2
const LEAST = 2
const MOST = 64

/**
 * Number of inputs or results that may be in flight, depending on how long each takes: two if they
 * are slow, so that waiting inputs can still go to another worker; up to 64 if they are quick. Two
 * until the time is known.
 */
export class InFlightWindow {
  window: number = LEAST
  #ms: number | undefined
  #seen = 0
  #workMs = 0

  /** `seen` were processed in `workMs` of work, both since the beginning. */
  update(seen: number, workMs: number): void {
    const items = seen - this.#seen
    if (items <= 0) return
    const each = (workMs - this.#workMs) / items
    this.#seen = seen
    this.#workMs = workMs
    this.#ms = this.#ms === undefined ? each : this.#ms + Math.min(1, items / 8) * (each - this.#ms)
    this.window = Math.min(
      MOST,
      Math.max(LEAST, 1 + Math.ceil(AHEAD_MS / Math.max(this.#ms, 1e-6))),
    )
  }
}
