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

/** What a {@link TaskStage} is made with. */
export interface TaskSettings {
  readonly buffer: number
  readonly maxBytes: number | undefined
  readonly maxFailures: FailureBudget
}

/**
 * A stage whose items are tasks: what can come of one besides a result. Failures are counted
 * against the budget, in input order when all before them has been given; boundaries between epochs
 * wait until everything before them has.
 */
export abstract class TaskStage extends PulledStage {
  readonly exit: Queue
  readonly budget: Budget
  /** Results that wait for earlier ones, in input order. */
  held = 0
  /** In input order: how many slots cannot be used for them, over time. */
  private readonly blocked: Integral = new Integral()
  /** In input order: the items begun and not yet given. */
  abstract readonly window: ReorderBuffer | undefined
  protected boundary: Item | undefined = undefined

  constructor(info: StageInfo, host: GraphContext, input: Queue, settings: TaskSettings) {
    super(info, host, input)
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

  /** It waits no more. */
  unhold(): void {
    this.held--
    this.noteBlocked()
  }

  /** Nothing waits any more: the stage gives no more results. */
  protected forgetHeld(): void {
    this.held = 0
    this.blocked.change(0)
  }

  /** Something has changed that {@link slotsBlocked} depends on. */
  protected noteBlocked(): void {
    this.blocked.change(this.slotsBlocked)
  }

  /**
   * How many slots cannot be used for results that wait for earlier ones. For those that wait in
   * the exit, above its capacity, the exit counts.
   */
  protected get slotsBlocked(): number {
    const { length, capacity } = this.exit
    return Math.max(0, this.held + Math.min(length, capacity) - capacity)
  }

  override get blockedMs(): number {
    return super.blockedMs + this.blocked.read()
  }

  /** {@link slotsBlocked}, over time. */
  protected get notedBlockedMs(): number {
    return this.blocked.read()
  }

  /** A task failed: after its last attempt, or in the middle of its outputs. */
  taskFailed(item: Item, input: unknown, error: unknown, attempts: number): void {
    this.running--
    this.tracer?.end(item, false)
    this.signalled?.delete(item)
    if (this.state !== RUNNING && this.isTooLate(item)) return
    if (this.brokeDown(item, error)) return
    const failure = this.noteFailure(item, input, error, attempts, this.keepSlot)
    if (this.window === undefined) this.countFailure(failure, item)
    else {
      item.value = failure
      this.window.settle(item, FAILED)
    }
  }

  /**
   * A failed task keeps its slot until the word of it is on its way: so no more items fail than can
   * be told of.
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
    return this.window === undefined ? this.counters.failures : this.budget.failures
  }

  /**
   * Counts a failure against the budget; in input order, when all before it has been given. The
   * item ends with that.
   */
  countFailure(failure: ItemError, item: Item): void {
    this.budget.calls++
    this.budget.failures++
    if (this.budget.isExceeded) {
      lose(item)
      this.exceed(failure)
    } else retire(item)
  }

  /** Counts a call that did not fail, where the budget is a share of them. */
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

  /** Whether a result comes after the stage was told to stop giving any. */
  protected isTooLate(item: Item): boolean {
    // In completion order, what was in flight when the stage failed is still delivered.
    if (this.state === FAILING && this.window === undefined) return false
    lose(item)
    if (this.state === CANCELLED && this.running === 0) this.rest()
    return true
  }

  /** A task has ended that nobody on the call stack waits for: begin the next, or end. */
  proceed(): void {
    if (this.boundary !== undefined) this.settleBoundary()
    else if (this.input.length > 0) this.pump()
    else if (this.input.isClosed) this.inputEnded()
    if (this.state === FAILING && this.running === 0) this.finish()
    this.rested()
  }

  /** All that was begun in input order has been given: what waited for that goes on. */
  released(): void {
    if (this.boundary !== undefined) this.settleBoundary()
    else if (this.input.isDrained) this.inputEnded()
  }

  /** Something here has come to rest. */
  rested(): void {
    if (this.host.isDraining) this.host.rested()
  }

  protected override drained(): void {
    if (this.boundary === undefined && !this.flush(true)) this.finish()
  }

  /** Passes the boundary between two epochs on, once everything before it has been given. */
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
    return this.running === 0 && (this.window === undefined || this.window.length === 0)
  }

  /**
   * Whether the stage had something left to give at the end of the stream (or of an epoch), and has
   * begun to.
   */
  protected flush(_isEndOfStream: boolean): boolean {
    return false
  }
}
