import { availableParallelism, loadavg } from 'node:os'
import { clockMs } from '../../timers.ts'
import type { SharedWorkerControl } from './shared-control.ts'

/**
 * How long a worker spins for the next message before it sleeps, in milliseconds. Waking it would
 * cost the pool about as much.
 */
const SPIN_MS = 0.05
/** How long it may continue without the event loop, in milliseconds. */
const TURN_MS = 5
/** How often the load of the machine is checked, in milliseconds. */
const LOOK_MS = 1000
/**
 * After this many failed attempts in a row, it sleeps at once, and spins only once in this many
 * attempts.
 */
const VAIN = 8

/**
 * Spins briefly for the next message. It spins only if a core is free: the pool has fewer threads
 * than the machine has cores, and the machine is not busy otherwise. It also needs recent success:
 * after messages that came too late it rarely spins.
 */
export class SpinWait {
  /** Number of messages that the worker has received. */
  received = 0
  readonly #control: SharedWorkerControl
  readonly #isAllowed: boolean
  #isBusy = false
  #lookedAt = Number.NEGATIVE_INFINITY
  #vain = 0
  #skipped = 0

  constructor(control: SharedWorkerControl, poolSize: number) {
    this.#control = control
    // One core is for the thread of the pool.
    this.#isAllowed = poolSize < availableParallelism()
  }

  /** Whether a message is available now or within the spin time. */
  isMessageNear(turnStartedAt: number): boolean {
    if (this.#hasMessage) return clockMs() - turnStartedAt < TURN_MS
    if (!this.#isAllowed) return false
    if (this.#vain >= VAIN && ++this.#skipped % VAIN !== 0) return false
    const startedAt = clockMs()
    if (this.#isMachineBusy(startedAt)) return false
    do {
      for (let i = 0; i < 64; i++) {
        if (this.#hasMessage) {
          this.#vain = 0
          return true
        }
      }
    } while (clockMs() - startedAt < SPIN_MS)
    this.#vain++
    return false
  }

  get #hasMessage(): boolean {
    // The count wraps around at 2^31.
    return ((this.#control.posted - this.received) | 0) > 0
  }

  #isMachineBusy(nowMs: number): boolean {
    if (nowMs - this.#lookedAt > LOOK_MS) {
      this.#lookedAt = nowMs
      // Average of the last minute; 0 on systems without it. The pool itself accounts for two.
      this.#isBusy = (loadavg()[0] as number) > availableParallelism() + 1
    }
    return this.#isBusy
  }
}
