/**
 * What is under way to a worker, or from it, should last so long, in milliseconds: enough to cover
 * the way of the next.
 */
const AHEAD_MS = 2
const LEAST = 2
const MOST = 64

/**
 * How many things may be under way at once, by how long each takes: two where they take long, so
 * that what waits can still go elsewhere; up to 64 of quick ones. Until something is known: two.
 */
export class InFlightWindow {
  window: number = LEAST
  #ms: number | undefined
  #seen = 0
  #workMs = 0

  /** So many things were done, in so much time of work, both since the beginning. */
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
