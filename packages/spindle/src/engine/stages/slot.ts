import type { Item } from '../flow/item.ts'
import type { Timing } from '../stats/task-timer.ts'

/** Whose calls' results arrive in slots. */
interface SlotOwner {
  settled(slot: Slot, value: unknown): void
  rejected(slot: Slot, error: unknown): void
}

/**
 * Where the result of one pending call arrives. Made once per slot; the two functions are all the
 * engine gives to `then`.
 */
export class Slot {
  item: Item | undefined = undefined
  /** Set if the call is one of those that are timed. */
  timing: Timing | undefined = undefined
  /** The next free slot: a linked list costs less than an array's push and pop. */
  next: Slot | undefined = undefined
  readonly ok: (value: unknown) => void
  readonly failed: (error: unknown) => void

  constructor(stage: SlotOwner) {
    this.ok = (value) => stage.settled(this, value)
    this.failed = (error) => stage.rejected(this, error)
  }

  /**
   * Has the result of a pending call arrive here. `promise` is one of Node's own: see `isPromise`.
   */
  listen(promise: Promise<unknown>): void {
    try {
      promise.then(this.ok, this.failed)
    } catch (error) {
      // A subclass of Promise whose constructor makes no others.
      this.failed(error)
    }
  }
}
