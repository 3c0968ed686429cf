import { MarkedCalls } from '../flow/marked-calls.ts'
import type { Queue } from '../flow/queue.ts'
import { Counters } from '../stats/counters.ts'
import type { StageWorkers } from '../stats/stage-workers.ts'
import { nothingPending, type PendingTimes } from '../stats/task-timer.ts'

/** What is measured of a stage. */
export abstract class MeasuredStage extends MarkedCalls {
  readonly counters: Counters = new Counters()
  /** Calls in flight, those whose generators still give included. */
  running = 0
  /** Calls that may be in flight at once, now. */
  concurrency: number
  /** Slot-time there was beyond what that number comes to. */
  #slotMsBefore = 0

  constructor(concurrency: number) {
    super()
    this.concurrency = concurrency
  }

  /** The queues the stage puts into. */
  abstract get exits(): readonly Queue[]

  /** Slot-time there was in the pipeline's first `elapsedMs`. */
  slotMs(elapsedMs: number): number {
    return this.#slotMsBefore + this.concurrency * elapsedMs
  }

  /** After `elapsedMs` another number of calls may be in flight. */
  protected countSlots(concurrency: number, elapsedMs: number): void {
    this.#slotMsBefore += (this.concurrency - concurrency) * elapsedMs
    this.concurrency = concurrency
  }

  /**
   * How long slots could not be used for want of room after the stage, together, in milliseconds:
   * results had no place in an exit. A stage that takes nothing while its exit is full counts that
   * time.
   */
  get blockedMs(): number {
    return this.exits.reduce((sum, exit) => sum + exit.times().overMs, 0)
  }

  /** How the tasks in flight that are timed have spent their time. */
  get pendingTimes(): PendingTimes {
    return nothingPending
  }

  /**
   * The stages whose calls may be an item's last before this one's exit: itself, if it calls an op,
   * or those before it.
   */
  get lastCalls(): readonly MeasuredStage[] {
    return []
  }

  /** How long the stage's calls held the loops of a region's workers, together, in milliseconds. */
  get heldMs(): number {
    return 0
  }

  /** The workers that run the stage's calls; `undefined` where they run here. */
  get workers(): StageWorkers | undefined {
    return undefined
  }

  /** Whether what runs its calls elsewhere tells when each begins. */
  get reportsStart(): boolean {
    return false
  }
}
