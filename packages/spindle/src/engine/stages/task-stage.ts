import type { ItemError } from '../../errors.ts'
import { Integral } from '../flow/integral.ts'
import { FAILED, type Item, lose, retire } from '../flow/item.ts'
import { Queue } from '../flow/queue.ts'
import type { FailureBudget, StageInfo } from '../types.ts'
import { Budget } from './budget.ts'
import type { GraphContext } from './graph-context.ts'
import { PulledStage } from './pulled-stage.ts'
import type { ReorderBuffer } from './reorder-buffer.ts'
import { CANCELLED, FAILING, RUNNING } from './stage.ts'

/** The settings of a {@link TaskStage}. */
export interface TaskSettings {
  readonly buffer: number
  readonly maxBytes: number | undefined
  readonly maxFailures: FailureBudget
}

/**
 * A stage that runs a task for each item. It handles everything but results. Failures count against
 * the budget; in input order only when all earlier results are put out. Boundaries between epochs
 * wait for everything before them.
 */
export abstract class TaskStage extends PulledStage {
  readonly exit: Queue
  readonly budget: Budget
  /** In input order: number of results that wait for earlier ones. */
  held = 0
  /** In input order: number of slots blocked by those results, over time. */
  private readonly blocked: Integral = new Integral()
  /** In input order: the items that have begun and are not yet put out. */
  abstract readonly reorderBuffer: ReorderBuffer | undefined
  protected boundary: Item | undefined = undefined

  constructor(info: StageInfo, graph: GraphContext, input: Queue, settings: TaskSettings) {
    super(info, graph, input)
    this.exit = new Queue(settings.buffer, settings.maxBytes)
    this.budget = new Budget(settings.maxFailures)
    this.exit.producer = this
  }

  get exits(): readonly Queue[] {
    return [this.exit]
  }

  /** A result waits for earlier ones. */
  hold(): void {
    this.held++
    this.noteBlocked()
  }

  /** A result waits no more. */
  unhold(): void {
    this.held--
    this.noteBlocked()
  }

  /** Forgets all waiting results, because the stage puts out no more. */
  protected forgetHeld(): void {
    this.held = 0
    this.blocked.change(0)
  }

  /** Updates the blocked time when {@link slotsBlocked} may have changed. */
  protected noteBlocked(): void {
    this.blocked.change(this.slotsBlocked)
  }

  /**
   * Number of slots blocked by results that wait for earlier ones. Results above the capacity of
   * the exit queue are counted there.
   */
  protected get slotsBlocked(): number {
    const { length, capacity } = this.exit
    return Math.max(0, this.held + Math.min(length, capacity) - capacity)
  }

  override get blockedMs(): number {
    return super.blockedMs + this.blocked.read()
  }

  /** Integral of {@link slotsBlocked} over time. */
  protected get notedBlockedMs(): number {
    return this.blocked.read()
  }

  /** A task failed: after its last attempt, or between its outputs. */
  taskFailed(item: Item, input: unknown, error: unknown, attempts: number): void {
    this.running--
    this.tracer?.end(item, false)
    this.signalled?.delete(item)
    if (this.state !== RUNNING && this.isTooLate(item)) return
    if (this.brokeDown(item, error)) return
    const failure = this.noteFailure(item, input, error, attempts, this.keepSlot)
    if (this.reorderBuffer === undefined) this.countFailure(failure, item)
    else {
      item.value = failure
      this.reorderBuffer.settle(item, FAILED)
    }
  }

  /**
   * Keeps the slot of a failed task until its report is on the way. So no more items fail than can
   * be reported.
   */
  protected readonly keepSlot = (until: Promise<void>): void => {
    this.running++
    void until.then(() => {
      this.running--
      if (this.state === CANCELLED && this.running === 0) this.rest()
      else this.proceed()
    })
  }

  protected override get failuresCounted(): number {
    return this.reorderBuffer === undefined ? this.counters.failures : this.budget.failures
  }

  /**
   * Counts a failure against the budget; in input order when all earlier results are put out. The
   * item ends here.
   */
  countFailure(failure: ItemError, item: Item): void {
    this.budget.calls++
    this.budget.failures++
    if (this.budget.isExceeded) {
      lose(item)
      this.exceed(failure)
    } else retire(item)
  }

  /** Counts a successful call, if the budget is a rate. */
  countCall(index: number): void {
    if (!this.budget.isRate) return
    this.budget.calls++
    if (!this.budget.isExceeded || this.state !== RUNNING) return
    const stage = this.info.name
    this.exceed(
      this.recent.at(-1) ?? { stage, index, attempts: 1, error: undefined, item: undefined },
    )
  }

  private exceed(failure: ItemError): void {
    this.fail(failure.error, failure.index, this.budget.describe())
  }

  /** Whether a result came after the stage was told to put out no more. */
  protected isTooLate(item: Item): boolean {
    // In completion order, results of calls in flight at the failure are still delivered.
    if (this.state === FAILING && this.reorderBuffer === undefined) return false
    lose(item)
    if (this.state === CANCELLED && this.running === 0) this.rest()
    return true
  }

  /**
   * Called when a task has ended outside the call stack of a pump. Begins the next task, or ends
   * the stage.
   */
  proceed(): void {
    if (this.boundary !== undefined) this.settleBoundary()
    else if (this.input.length > 0) this.pump()
    else if (this.input.isClosed) this.inputEnded()
    if (this.state === FAILING && this.running === 0) this.finish()
    this.rested()
  }

  /** Called when everything begun in input order is put out. Continues what waited for that. */
  released(): void {
    if (this.boundary !== undefined) this.settleBoundary()
    else if (this.input.isDrained) this.inputEnded()
  }

  /** Notifies a draining graph that the stage is less busy. */
  rested(): void {
    if (this.graph.isDraining) this.graph.rested()
  }

  protected override drained(): void {
    if (this.boundary === undefined && !this.flush(true)) this.finish()
  }

  /** Passes on the boundary between two epochs when everything before it is put out. */
  protected settleBoundary(): void {
    const boundary = this.boundary
    if (boundary === undefined || !this.isIdle() || this.state !== RUNNING) return
    if (this.flush(false) || this.state !== RUNNING) return
    this.boundary = undefined
    this.adapt()
    this.exit.put(boundary)
    this.pump()
  }

  protected isIdle(): boolean {
    return (
      this.running === 0 && (this.reorderBuffer === undefined || this.reorderBuffer.length === 0)
    )
  }

  /** Flushes the rest at the end of the stream or epoch. Returns whether there was one. */
  protected flush(_isEndOfStream: boolean): boolean {
    return false
  }
}
