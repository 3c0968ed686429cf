import { Counters } from './counters.ts'
import type { Queue } from './queue.ts'
import { nothingPending, type PendingTimes } from './task-timer.ts'

/** What is measured of a stage. */
export abstract class MeasuredStage {
  readonly counters: Counters = new Counters()
  /** Items begun. A field of the stage rather than a counter, for it is counted with every call. */
  tasks = 0
  /** Calls in flight, those whose generators still give included. */
  running = 0

  /** The queues the stage puts into. */
  abstract get exits(): readonly Queue[]

  /**
   * How long slots could not be used for want of room after the stage, together, in milliseconds: results had no place in an exit. A stage that takes nothing
   * while its exit is full counts that time.
   */
  get blockedMs(): number {
    return this.exits.reduce((sum, exit) => sum + exit.times().overMs, 0)
  }

  /** How the tasks in flight that are timed have spent their time. */
  get pendingTimes(): PendingTimes {
    return nothingPending
  }

  /** The stages whose calls may be an item's last before this one's exit: itself, if it calls an op, or those before it. */
  get lastCalls(): readonly MeasuredStage[] {
    return []
  }

  /** Whether what runs its calls elsewhere tells when each begins. */
  get reportsStart(): boolean {
    return false
  }
}
