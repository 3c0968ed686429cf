import type { ItemError } from '../errors.ts'
import { Attempts } from './attempts.ts'
import { Budget } from './budget.ts'
import { seesContext, TaskContext } from './context.ts'
import { Expansion, isGenerator } from './expansion.ts'
import { Expansions } from './expansions.ts'
import type { Host } from './host.ts'
import { DROPPED, EXPANDING, FAILED, type Item, READY, retire } from './item.ts'
import type { PipeSettings } from './pipe-settings.ts'
import { PulledStage } from './pulled-stage.ts'
import { Queue } from './queue.ts'
import { Slot } from './slot.ts'
import { CANCELLED, FAILING, RUNNING } from './stage.ts'
import { TaskTimer } from './task-timer.ts'
import type { StageContext, StageInfo } from './types.ts'
import { OrderedWindow } from './window.ts'

/** What an op gets for a context that it cannot see. */
const unseen = undefined as unknown as StageContext

/**
 * Applies an op to each item, at most `concurrency` at a time.
 *
 * Nothing polls and nothing waits: a call begins when the stage before hands an item over ({@link start}), when a call ends, or
 * when the stage after has taken something ({@link roomMade}). A call may begin if a slot is free and its result will have a place:
 * `running + held + exit.length < concurrency + buffer`, in both orders (results above `buffer` hold a slot).
 * Plain results go on in the same call stack; a promise costs one `then` with the slot's two ready-made functions.
 */
export class PipeStage extends PulledStage {
  readonly exit: Queue
  readonly budget: Budget
  /** Results that wait for earlier ones, in input order. */
  held = 0
  protected boundary: Item | undefined = undefined
  readonly settings: PipeSettings
  readonly window: OrderedWindow | undefined
  private readonly concurrency: number
  private readonly limit: number
  private readonly isBoundedInBytes: boolean
  private readonly seesContext: boolean
  /** Whether results go on as they are: no attempts, no rate to look at, no batches. Known once the hooks are. */
  private isPlain = false
  private freeSlot: Slot | undefined = undefined
  private op: (item: unknown, context: StageContext) => unknown
  private attempts: Attempts | undefined = undefined
  private readonly expansions: Expansions = new Expansions()
  private readonly timer: TaskTimer = new TaskTimer()

  constructor(info: StageInfo, host: Host, input: Queue, settings: PipeSettings) {
    super(info, host, input)
    this.settings = settings
    this.exit = new Queue(settings.buffer, settings.maxBytes)
    this.budget = new Budget(settings.maxFailures)
    this.op = settings.op
    this.seesContext = seesContext(settings.op)
    this.concurrency = settings.concurrency
    this.limit = settings.concurrency + settings.buffer
    this.isBoundedInBytes = settings.maxBytes !== undefined
    this.window =
      settings.outputOrder === 'input' && settings.concurrency > 1 ? new OrderedWindow(this) : undefined
    this.exit.producer = this
  }

  get exits(): readonly Queue[] {
    return [this.exit]
  }

  protected override prepare(): void {
    const { retry, timeoutMs } = this.settings
    const isHooked = this.hooks.some((hook) => hook.onTaskStart !== undefined || hook.onTaskEnd !== undefined)
    const needsAttempts = isHooked || retry !== undefined || timeoutMs !== undefined
    if (needsAttempts) this.attempts = new Attempts(this)
    this.isPlain = !needsAttempts && !this.budget.isRate && this.constructor === PipeStage
  }

  canStart(): boolean {
    return (
      this.running < this.concurrency &&
      this.running + this.held + this.exit.length < this.limit &&
      this.state === RUNNING &&
      this.boundary === undefined &&
      (!this.isBoundedInBytes || this.exit.hasRoomInBytes())
    )
  }

  protected start(item: Item): void {
    if (item.index < 0) {
      this.boundary = item
      this.settleBoundary()
      return
    }
    this.call(item)
  }

  /** Begins the task of one item. */
  protected call(item: Item): void {
    const count = this.tasks++
    this.running++
    if (this.window !== undefined) this.window.open(item)
    if (this.attempts !== undefined) {
      this.attempts.begin(item, this.op)
      return
    }
    const startedAt = this.timer.begin(count)
    let result: unknown
    try {
      result = this.op(item.value, this.seesContext ? new TaskContext(this, item) : unseen)
    } catch (error) {
      this.taskFailed(item, item.value, error, 1)
      return
    }
    if (result instanceof Promise) this.await(result, item, startedAt)
    else this.begun(item, result, startedAt)
  }

  /** Has a slot take a pending call's result. */
  private await(promise: Promise<unknown>, item: Item, startedAt: number): void {
    let slot = this.freeSlot
    if (slot === undefined) slot = new Slot(this)
    else this.freeSlot = slot.next
    slot.item = item
    slot.startedAt = startedAt
    promise.then(slot.ok, slot.failed)
  }

  /** An op has returned something that is no promise: a result, something else that can be awaited, or a generator. */
  private begun(item: Item, result: unknown, startedAt: number): void {
    if (typeof result === 'object' && result !== null) {
      if (typeof (result as { then?: unknown }).then === 'function') {
        this.await(Promise.resolve(result), item, startedAt)
        return
      }
      if (isGenerator(result)) {
        this.expand(new Expansion(this, item, result))
        return
      }
    }
    this.running--
    if (this.signalled !== undefined) this.signalled.delete(item)
    if (startedAt !== 0) this.isQuick = this.timer.end(startedAt, this.counters)
    this.ended(item, result)
  }

  /** A pending call gave its result. */
  settled(slot: Slot, value: unknown): void {
    const item = this.free(slot)
    if (typeof value === 'object' && value !== null && isGenerator(value)) {
      this.expand(new Expansion(this, item, value))
      return
    }
    this.running--
    if (value !== undefined && this.isPlain && this.state === RUNNING) {
      // The usual case, written out: what `ended` comes to.
      item.value = value
      if (this.window === undefined) this.exit.put(item)
      else if (!this.window.giveFirst(item)) {
        this.held++
        item.state = READY
      }
    } else this.ended(item, value)
    if (this.input.length > 0 && this.isPlain && this.boundary === undefined && !this.host.isDraining)
      this.pump()
    else this.proceed()
  }

  /** A pending call threw. */
  rejected(slot: Slot, error: unknown): void {
    const item = this.free(slot)
    this.taskFailed(item, item.value, error, 1)
    this.proceed()
  }

  private free(slot: Slot): Item {
    const item = slot.item as Item
    slot.item = undefined
    if (this.signalled !== undefined) this.signalled.delete(item)
    if (slot.startedAt !== 0) this.isQuick = this.timer.end(slot.startedAt, this.counters)
    slot.next = this.freeSlot
    this.freeSlot = slot
    return item
  }

  /** The slow path's task gave its result. */
  taskDone(item: Item, value: unknown, startedAt: number): void {
    this.running--
    this.signalled?.delete(item)
    this.isQuick = this.timer.end(startedAt, this.counters)
    this.ended(item, value)
    this.proceed()
  }

  /** A task ended with a plain result; its slot is free already. */
  private ended(item: Item, value: unknown): void {
    if (this.state !== RUNNING && this.isTooLate(item)) return
    this.output(item, value)
    if (this.window === undefined) this.countCall(item)
  }

  protected output(item: Item, value: unknown): void {
    if (value === undefined) {
      this.counters.skipped++
      retire(item)
      this.window?.settle(item, DROPPED)
      return
    }
    item.value = value
    if (this.window === undefined) this.exit.put(item)
    else {
      this.held++
      this.window.settle(item, READY)
    }
  }

  /** A task failed: after its last attempt, or in the middle of its outputs. */
  taskFailed(item: Item, input: unknown, error: unknown, attempts: number): void {
    this.running--
    this.signalled?.delete(item)
    if (this.state !== RUNNING && this.isTooLate(item)) return
    if (this.brokeDown(item, error)) return
    const failure = this.noteFailure(item, input, error, attempts)
    retire(item)
    if (this.window === undefined) this.countFailure(failure)
    else {
      item.value = failure
      this.window.settle(item, FAILED)
    }
  }

  protected override get failuresCounted(): number {
    return this.window === undefined ? this.counters.failures : this.budget.failures
  }

  /** Counts a failure against the budget; in input order, when all before it has been given. */
  countFailure(failure: ItemError): void {
    this.budget.calls++
    this.budget.failures++
    if (this.budget.isExceeded) this.exceed(failure)
  }

  /** Counts a call that did not fail, where the budget is a share of them. */
  countCall(item: Item): void {
    if (!this.budget.isRate) return
    this.budget.calls++
    if (this.budget.isExceeded && this.state === RUNNING) {
      const { name } = this.info
      this.exceed(
        this.recent.at(-1) ?? {
          stage: name,
          index: item.index,
          attempts: 1,
          error: undefined,
          item: undefined,
        },
      )
    }
  }

  private exceed(failure: ItemError): void {
    this.fail(failure.error, failure.index, this.budget.describe())
  }

  /** Whether a result comes after the stage was told to stop giving any. */
  private isTooLate(item: Item): boolean {
    // In completion order, what was in flight when the stage failed is still delivered.
    if (this.state === FAILING && this.window === undefined) return false
    retire(item)
    if (this.state === CANCELLED && this.running === 0) this.rest()
    return true
  }

  protected override failed(): void {
    // In input order nothing after the fatal item is delivered, so nothing is waited for.
    if (this.window === undefined) return
    this.abort(new DOMException(`stage "${this.info.name}" failed`, 'AbortError'))
    this.running -= this.expansions.close()
    this.window.clear()
    this.held = 0
    this.finish()
  }

  protected override cancelled(): void {
    this.running -= this.expansions.close()
    this.window?.clear()
    this.held = 0
    this.boundary = undefined
  }

  /** Goes on to give the outputs of a generator; its task ends with the last of them. */
  expand(expansion: Expansion): void {
    if (this.state > RUNNING && (this.state !== FAILING || this.window !== undefined)) {
      expansion.close()
      this.running--
      if (this.state === CANCELLED && this.running === 0) this.rest()
      return
    }
    this.expansions.add(expansion)
    if (this.window !== undefined) {
      expansion.item.value = expansion
      this.window.settle(expansion.item, EXPANDING)
    } else expansion.advance()
  }

  /** Whether there is a place for one more output of a generator that holds a slot already. */
  hasPlaceForOutput(expansion: Expansion): boolean {
    if (this.isBoundedInBytes && !this.exit.hasRoomInBytes()) return false
    if (this.window === undefined) return this.running + this.held + this.exit.length <= this.limit
    // In input order the first must not wait for those behind it, which hold one output each.
    if (this.window.isFirst(expansion.item)) return this.exit.length <= this.settings.buffer
    return this.running + this.held + this.exit.length < this.limit
  }

  protected override get busy(): number {
    return this.running - this.expansions.resting
  }

  /** A generator waits for a place. */
  park(expansion: Expansion): void {
    this.expansions.park(expansion)
  }

  /** Something here has come to rest. */
  rested(): void {
    if (this.host.isDraining) this.host.rested()
  }

  /** Whether the stage has been told to stop: an expansion then ends by itself. */
  isOver(expansion: Expansion): boolean {
    return !this.expansions.has(expansion)
  }

  /** A generator has given its last output. */
  expanded(expansion: Expansion): void {
    this.expansions.delete(expansion)
    this.signalled?.delete(expansion.item)
    this.running--
    retire(expansion.item)
    this.window?.release()
    if (this.window === undefined) this.countCall(expansion.item)
    this.proceed()
  }

  /** A generator threw. */
  expansionFailed(expansion: Expansion, error: unknown, attempts: number): void {
    this.expansions.delete(expansion)
    if (this.window === undefined) {
      this.taskFailed(expansion.item, expansion.input, error, attempts)
    } else {
      this.running--
      this.signalled?.delete(expansion.item)
      expansion.failure = this.noteFailure(expansion.item, expansion.input, error, attempts)
      retire(expansion.item)
      this.window.release()
    }
    this.proceed()
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

  override roomMade(): void {
    this.expansions.resume()
    const places = this.limit - this.running - this.held - this.exit.length
    if (places >= this.exit.refillAt && this.input.length > 0) this.pump()
  }

  protected override drained(): void {
    if (this.boundary === undefined && !this.flush(true)) this.finish()
  }

  /** Passes the boundary between two epochs on, once everything before it has been given. */
  private settleBoundary(): void {
    const boundary = this.boundary
    if (boundary === undefined || !this.isIdle() || this.state !== RUNNING) return
    if (this.flush(false) || this.state !== RUNNING) return
    this.boundary = undefined
    this.exit.put(boundary)
    this.pump()
  }

  protected isIdle(): boolean {
    return this.running === 0 && (this.window === undefined || this.window.length === 0)
  }

  /** Whether the stage had something left to give at the end of the stream (or of an epoch), and has begun to. */
  protected flush(_isEndOfStream: boolean): boolean {
    return false
  }
}
