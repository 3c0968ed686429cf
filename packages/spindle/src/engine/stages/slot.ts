import type { Item } from '../flow/item.ts'
import type { Timing } from '../stats/task-timer.ts'

/** The stage whose results arrive in slots. */
interface SlotOwner {
  settled(slot: Slot, value: unknown): void
  rejected(slot: Slot, error: unknown): void
}

/**
 * Receives the result of one pending call. A stage makes each slot once; its two functions are all
 * that the engine passes to `then`.
 */
export class Slot {
  item: Item | undefined = undefined
  /** Set if the call is timed. */
  timing: Timing | undefined = undefined
  /** The next free slot. A linked list costs less than an array's push and pop. */
  next: Slot | undefined = undefined
  readonly ok: (value: unknown) => void
  readonly failed: (error: unknown) => void

  constructor(stage: SlotOwner) {
    this.ok = (value) => stage.settled(this, value)
    this.failed = (error) => stage.rejected(this, error)
  }

  /** Passes the result of a native promise (see `isPromise`) to this slot. */
  listen(promise: Promise<unknown>): void {
    try {
      promise.then(this.ok, this.failed)
    } catch (error) {
      // A subclass of Promise whose constructor creates no other instances.
      this.failed(error)
    }
  }
}
