import { MarkedCalls } from '../flow/marked-calls.ts'
import type { Queue } from '../flow/queue.ts'
import { Counters } from '../stats/counters.ts'
import type { StageWorkers } from '../stats/stage-workers.ts'
import { nothingPending, type PendingTimes } from '../stats/task-timer.ts'

/** The measurements of a stage. */
export abstract class MeasuredStage extends MarkedCalls {
  readonly counters: Counters = new Counters()
  /** Calls in flight, including those whose generators are not at their end. */
  running = 0
  /** Current maximum of calls in flight. */
  concurrency: number
  /** Correction of the slot-time for the times with another concurrency. */
  #slotMsBefore = 0

  constructor(concurrency: number) {
    super()
    this.concurrency = concurrency
  }

  /** The queues into which the stage puts its results. */
  abstract get exits(): readonly Queue[]

  /** Available slot-time in the pipeline's first `elapsedMs`. */
  slotMs(elapsedMs: number): number {
    return this.#slotMsBefore + this.concurrency * elapsedMs
  }

  /** Changes the maximum of calls in flight after `elapsedMs`. */
  protected countSlots(concurrency: number, elapsedMs: number): void {
    this.#slotMsBefore += (this.concurrency - concurrency) * elapsedMs
    this.concurrency = concurrency
  }

  /**
   * Total time for which slots were blocked because results had no place in an exit, in
   * milliseconds. A stage that takes nothing while its exit is full counts that time.
   */
  get blockedMs(): number {
    return this.exits.reduce((sum, exit) => sum + exit.times().overMs, 0)
  }

  /** How the timed tasks in flight have spent their time. */
  get pendingTimes(): PendingTimes {
    return nothingPending
  }

  /**
   * The stages that may make the last call for an item before this stage's exit: this stage if it
   * calls an op, otherwise stages before it.
   */
  get lastCalls(): readonly MeasuredStage[] {
    return []
  }

  /**
   * Total time for which the stage's calls blocked the event loops of a region's workers, in
   * milliseconds.
   */
  get heldMs(): number {
    return 0
  }

  /** The workers that run the stage's calls. `undefined` if they run on this event loop. */
  get workers(): StageWorkers | undefined {
    return undefined
  }

  /** Whether the executor of its calls reports when each call begins. */
  get reportsStart(): boolean {
    return false
  }
}
