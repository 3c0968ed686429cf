import { availableParallelism } from 'node:os'
import { clockMs } from '../../timers.ts'

/**
 * Longest time to look again and again before going to sleep, in microseconds. Waking a sleeping
 * core costs about half of it.
 */
export const MAX_SPIN_US = 50
/** Below that it is not worth looking at a clock. */
const MIN_SPIN_US = 3
const LOOKS_PER_CLOCK = 16
/** While spinning does not pay, every so many-th wait tries whether it does again. */
const PROBE_EVERY = 64

/**
 * How long a thread may spin where `workers` threads work beside it: not at all where they need all
 * the cores.
 */
export function spinUsFor(workers: number): number {
  return availableParallelism() > workers ? MAX_SPIN_US : 0
}

/**
 * Looks for a short while before a thread goes to sleep: half as long after each time that was in
 * vain, twice as long after each that was not, so that a core is not burnt where nothing comes soon
 * or where somebody else needs it.
 */
export class Spin {
  readonly #maxUs: number
  #us: number
  #waits = 0

  constructor(maxUs: number) {
    this.#maxUs = maxUs
    this.#us = maxUs
  }

  /** What `look` finds, or `undefined`. */
  for<R>(look: () => R | undefined): R | undefined {
    if (this.#us === 0 && (this.#maxUs === 0 || ++this.#waits % PROBE_EVERY !== 0)) return undefined
    const us = Math.max(this.#us, MIN_SPIN_US)
    const end = clockMs() + us / 1000
    do {
      for (let looks = 0; looks < LOOKS_PER_CLOCK; looks++) {
        const found = look()
        if (found === undefined) continue
        this.#us = Math.min(this.#maxUs, us * 2)
        return found
      }
    } while (clockMs() < end)
    this.#us = us < 2 * MIN_SPIN_US ? 0 : us / 2
    return undefined
  }
}
