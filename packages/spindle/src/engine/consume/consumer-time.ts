import { nextTick, queueMicrotask } from '../../timers.ts'
import { heldByOpsMs } from '../stats/held-loop.ts'

// To look at an item costs a microtask. That is done where ops have lately held the loop for at
// least so long, in milliseconds, between two of …
const LEAST_HELD_MS = 0.05
/** … so many items. */
const LATELY = 8

/**
 * How long ops have held the loop while the consumer had an item on its way. The consumer's code
 * goes on in a microtask; ops that run before that keep it from its work, and it does not wait for
 * an item either.
 */
export class ConsumerTime {
  heldUpMs = 0
  /** Sum of {@link heldByOpsMs} when the last item was given. */
  private lastHeldMs = 0
  /** How many more items are looked at. */
  private left = 0
  /** The same when the item was given that the consumer has not begun with; -1 if there is none. */
  private heldAtMs = -1

  /** An item is about to be given to code that goes on in a microtask. */
  gives(): void {
    if (!this.isWorthIt() || this.heldAtMs >= 0) return
    this.heldAtMs = this.lastHeldMs
    // Made before the promise is resolved, so it runs just before the consumer.
    queueMicrotask(this.begins)
  }

  /** An item is given: whether it is to be looked at. */
  private isWorthIt(): boolean {
    const heldMs = heldByOpsMs()
    if (heldMs - this.lastHeldMs >= LEAST_HELD_MS) this.left = LATELY
    else if (this.left > 0) this.left--
    this.lastHeldMs = heldMs
    return this.left > 0
  }

  private readonly begins = (): void => {
    this.heldUpMs += heldByOpsMs() - this.heldAtMs
    this.heldAtMs = -1
  }

  /**
   * An item is about to be given to a function that may return a promise. Returns what {@link done}
   * is to be told when that is settled.
   */
  calls(): Call | undefined {
    return this.isWorthIt() ? new Call(this.lastHeldMs) : undefined
  }

  /**
   * The function's promise is settled. If it was so before the loop could turn, the function waited
   * for nothing but the ops.
   */
  done(call: Call | undefined): void {
    if (call?.hasTurned === false) this.heldUpMs += heldByOpsMs() - call.heldAtMs
  }

  /** Calls what may run ops within a consumer's call that gets an item at once. */
  within(call: () => void): void {
    const heldMs = heldByOpsMs()
    call()
    this.heldUpMs += heldByOpsMs() - heldMs
  }
}

/** A call of a consumer's function. */
class Call {
  readonly heldAtMs: number
  /** Whether the microtasks that followed the call have all run. */
  hasTurned = false

  constructor(heldAtMs: number) {
    this.heldAtMs = heldAtMs
    // From a microtask, for `nextTick` alone comes before those.
    queueMicrotask(() => nextTick(() => this.turned()))
  }

  private turned(): void {
    this.hasTurned = true
  }
}

export type { Call as ConsumerCall }
