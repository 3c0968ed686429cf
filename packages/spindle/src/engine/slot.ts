import { adopt, nativeThen } from '../user-code.ts'
import type { Item } from './item.ts'
import type { PipeStage } from './pipe-stage.ts'
import type { Timing } from './task-timer.ts'

/** Where the result of one pending call arrives. Made once per slot; the two functions are all the engine gives to `then`. */
export class Slot {
  item: Item | undefined = undefined
  /** Set if the call is one of those that are timed. */
  timing: Timing | undefined = undefined
  /** The next free slot: a linked list costs less than an array's push and pop. */
  next: Slot | undefined = undefined
  readonly ok: (value: unknown) => void
  readonly failed: (error: unknown) => void

  constructor(stage: PipeStage) {
    this.ok = (value) => stage.settled(this, value)
    this.failed = (error) => stage.rejected(this, error)
  }

  /** Has the result of a pending call arrive here. */
  listen(promise: Promise<unknown>): void {
    try {
      if (promise.then === nativeThen) promise.then(this.ok, this.failed)
      else this.adopt(promise)
    } catch (error) {
      // A subclass of Promise whose constructor makes no others.
      this.failed(error)
    }
  }

  /** A `then` of the user's own may answer at once, or twice. */
  private adopt(promise: Promise<unknown>): void {
    adopt(promise).then(this.ok, this.failed)
  }
}
