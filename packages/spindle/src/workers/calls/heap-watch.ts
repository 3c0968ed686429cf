/** Interval between two checks of the heap, in milliseconds. */
const EVERY_MS = 50

/** Reports once when the worker's memory reaches a limit. */
export class HeapWatch {
  #limitBytes: number
  #lookedAt = Number.NEGATIVE_INFINITY

  /** `limitMb`: in MiB; `undefined` for no limit. */
  constructor(limitMb: number | undefined) {
    this.#limitBytes = limitMb === undefined ? Number.POSITIVE_INFINITY : limitMb * 2 ** 20
  }

  isFull(nowMs: number): boolean {
    if (this.#limitBytes === Number.POSITIVE_INFINITY || nowMs - this.#lookedAt < EVERY_MS)
      return false
    this.#lookedAt = nowMs
    const { heapUsed, external } = process.memoryUsage()
    if (heapUsed + external < this.#limitBytes) return false
    this.#limitBytes = Number.POSITIVE_INFINITY
    return true
  }
}
