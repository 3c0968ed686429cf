import { nextTick, queueMicrotask } from '../../timers.ts'
import { heldByOpsMs } from '../stats/held-loop.ts'

// Watching an item costs a microtask. Items are watched only if ops have blocked the event loop for
// at least this time, in milliseconds, between two recent items.
const LEAST_HELD_MS = 0.05
/** How many items count as recent. */
const LATELY = 8

/**
 * Measures how long ops block the event loop while an item is on its way to the consumer. The
 * consumer's code continues in a microtask. Ops that run before it delay its work, and it does not
 * wait for an item either.
 */
export class ConsumerTime {
  heldUpMs = 0
  /** The value of {@link heldByOpsMs} when the last item was given. */
  private lastHeldMs = 0
  /** Number of further items to watch. */
  private left = 0
  /**
   * The value of {@link heldByOpsMs} when the item was given that the consumer has not begun with.
   * -1: none.
   */
  private heldAtMs = -1

  /** Called before an item is given to code that continues in a microtask. */
  gives(): void {
    if (!this.isWorthIt() || this.heldAtMs >= 0) return
    this.heldAtMs = this.lastHeldMs
    // Queued before the promise is resolved, so that it runs just before the consumer's code.
    queueMicrotask(this.begins)
  }

  /** Called when an item is given. Returns whether to watch it. */
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
   * Called before an item is given to a function that may return a promise. Pass the result to
   * {@link done} when the promise settles.
   */
  calls(): Call | undefined {
    return this.isWorthIt() ? new Call(this.lastHeldMs) : undefined
  }

  /**
   * Called when the function's promise has settled. If the event loop could not turn before that,
   * the function waited only for ops.
   */
  done(call: Call | undefined): void {
    if (call?.hasTurned === false) this.heldUpMs += heldByOpsMs() - call.heldAtMs
  }

  /** Measures a function that may run ops during a consumer's call that gets an item at once. */
  within(call: () => void): void {
    const heldMs = heldByOpsMs()
    call()
    this.heldUpMs += heldByOpsMs() - heldMs
  }
}

/** A call of the consumer's function. */
class Call {
  readonly heldAtMs: number
  /** Whether all microtasks that followed the call have run. */
  hasTurned = false

  constructor(heldAtMs: number) {
    this.heldAtMs = heldAtMs
    // `nextTick` alone would run before those microtasks, so queue it from one.
    queueMicrotask(() => nextTick(() => this.turned()))
  }

  private turned(): void {
    this.hasTurned = true
  }
}

export type { Call as ConsumerCall }
