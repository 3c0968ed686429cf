import { availableParallelism, loadavg } from 'node:os'
import { clockMs } from '../../timers.ts'
import type { SharedWorkerControl } from './shared-control.ts'

/**
 * How long a worker looks out for the next message before it sleeps, in milliseconds. To wake it
 * would cost the pool as much.
 */
const SPIN_MS = 0.05
/** How long it may go on so, in milliseconds, before the loop gets its turn. */
const TURN_MS = 5
/** How often it is looked how busy the machine is, in milliseconds. */
const LOOK_MS = 1000
/** After so many vain attempts in a row it sleeps at once, but for one attempt in as many. */
const VAIN = 8

/**
 * Waits a little for the next message, busily. Only where there is a core that nobody needs (the
 * pool has fewer threads than there are cores, and the machine is not busy otherwise), and only as
 * long as it is worth it: the message must have come in time before.
 */
export class Spinner {
  /** Messages that the worker has heard. */
  heard = 0
  readonly #control: SharedWorkerControl
  readonly #isAllowed: boolean
  #isBusy = false
  #lookedAt = Number.NEGATIVE_INFINITY
  #vain = 0
  #skipped = 0

  constructor(control: SharedWorkerControl, poolSize: number) {
    this.#control = control
    // One core is the pool's own thread's.
    this.#isAllowed = poolSize < availableParallelism()
  }

  /** Whether there is a message to be taken, at once or very soon. */
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
    // The pool's count goes round at 2^31.
    return ((this.#control.posted - this.heard) | 0) > 0
  }

  #isMachineBusy(nowMs: number): boolean {
    if (nowMs - this.#lookedAt > LOOK_MS) {
      this.#lookedAt = nowMs
      // Of the last minute; 0 where the system does not tell. Two are this pool's own.
      this.#isBusy = (loadavg()[0] as number) > availableParallelism() + 1
    }
    return this.#isBusy
  }
}
