import { availableParallelism } from 'node:os'
import { clockMs } from '../../timers.ts'

/**
 * Maximum time to spin before a sleep, in microseconds. Waking a sleeping core costs about half of
 * it.
 */
export const MAX_SPIN_US = 50
/** Minimum time that is worth reading a clock, in microseconds. */
const MIN_SPIN_US = 3
const LOOKS_PER_CLOCK = 16
/** While spinning does not pay, one in this many waits tries whether it does again. */
const PROBE_EVERY = 64

/**
 * How long a thread may spin, in microseconds, beside `workers` working threads. 0 if they need all
 * cores.
 */
export function spinUsFor(workers: number): number {
  return availableParallelism() > workers ? MAX_SPIN_US : 0
}

/**
 * Spins for a short time before a thread goes to sleep. The time is halved after each failure and
 * doubled after each success, so a core is not wasted where nothing arrives soon or another thread
 * needs the core.
 */
export class SpinPolicy {
  readonly #maxUs: number
  #us: number
  #waits = 0

  constructor(maxUs: number) {
    this.#maxUs = maxUs
    this.#us = maxUs
  }

  /** The result of `look`, or `undefined`. */
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
