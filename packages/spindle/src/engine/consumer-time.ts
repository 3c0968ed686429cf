import { queueMicrotask } from '../timers.ts'
import { burstNumber } from './clock.ts'
import { heldByOpsMs } from './held-loop.ts'

/** Ops that hold the loop for less than this between two items are not worth a microtask, in milliseconds. */
const LEAST_HELD_MS = 0.05

/**
 * How long ops have held the loop while the consumer had an item on its way. The consumer's code goes on in a microtask; ops that run before that
 * keep it from its work, and it does not wait for an item either.
 */
export class ConsumerTime {
  heldUpMs = 0
  /** Sum of {@link heldByOpsMs} when the last item was given. */
  private lastHeldMs = 0
  /** The same when the item was given that the consumer has not begun with; -1 if there is none. */
  private heldAtMs = -1
  private burst = 0

  /** An item is about to be given to code that goes on in a microtask. */
  gives(): void {
    const heldMs = heldByOpsMs()
    const isWorthIt = heldMs - this.lastHeldMs >= LEAST_HELD_MS
    this.lastHeldMs = heldMs
    if (!isWorthIt || this.heldAtMs >= 0) return
    this.heldAtMs = heldMs
    // Made before the promise is resolved, so it runs just before the consumer.
    queueMicrotask(this.begins)
  }

  private readonly begins = (): void => {
    this.heldUpMs += heldByOpsMs() - this.heldAtMs
    this.heldAtMs = -1
  }

  /** An item has been given to a function that returned a promise. Returns what {@link done} is to be told. */
  gave(): number {
    const heldMs = heldByOpsMs()
    const isWorthIt = heldMs - this.lastHeldMs >= LEAST_HELD_MS
    this.lastHeldMs = heldMs
    if (!isWorthIt) return -1
    this.burst = burstNumber()
    return heldMs
  }

  /** The promise has come to its end. If the loop has not turned, nothing was waited for but the ops. */
  done(heldAtMs: number): void {
    if (heldAtMs >= 0 && this.burst === burstNumber()) this.heldUpMs += heldByOpsMs() - heldAtMs
  }

  /** Calls what may run ops within a consumer's call that gets an item at once. */
  within(call: () => void): void {
    const heldMs = heldByOpsMs()
    call()
    this.heldUpMs += heldByOpsMs() - heldMs
  }
}
