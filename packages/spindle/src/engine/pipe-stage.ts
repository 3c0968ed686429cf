import type { ItemError } from '../errors.ts'
import { Attempts } from './attempts.ts'
import { Budget } from './budget.ts'
import { exactNow } from './clock.ts'
import { TaskContext } from './context.ts'
import { Expansion, isGenerator } from './expansion.ts'
import type { Host } from './host.ts'
import { DROPPED, EXPANDING, FAILED, type Item, READY, retire } from './item.ts'
import { Queue } from './queue.ts'
import { CANCELLED, FAILING, RUNNING, Stage } from './stage.ts'
import { isSliceOver, type Resumable, resumeNextTurn } from './turn.ts'
import type { FailureBudget, RetryOptions, StageContext, StageInfo } from './types.ts'
import { OrderedWindow } from './window.ts'

/** How a {@link PipeStage} behaves. */
export interface PipeSettings {
  readonly op: (item: unknown, context: StageContext) => unknown
  readonly concurrency: number
  readonly outputOrder: 'completion' | 'input'
  readonly buffer: number
  readonly maxBytes: number | undefined
  readonly maxFailures: FailureBudget
  readonly retry: Required<RetryOptions> | undefined
  readonly timeoutMs: number | undefined
}

// Which tasks are timed: one in 16 where they take long enough to matter beside the clock, one in 128 otherwise.
const SELDOM = 127
const OFTEN = 15
const QUICK_MS = 0.02

/** Where the result of one pending call arrives. Made once per slot; the two functions are all the engine gives to `then`. */
class Slot {
  item: Item | undefined
  startedAt = 0
  readonly ok: (value: unknown) => void
  readonly failed: (error: unknown) => void

  constructor(stage: PipeStage) {
    this.ok = (value) => stage.settled(this, value)
    this.failed = (error) => stage.rejected(this, error)
  }
}

/**
 * Applies an op to each item, at most `concurrency` at a time.
 *
 * Nothing polls and nothing waits: a call begins when the stage before hands an item over ({@link start}), when a call ends, or
 * when the stage after has taken something ({@link roomMade}). A call may begin if a slot is free and its result will have a place:
 * `running + held + exit.length < concurrency + buffer`, in both orders (results above `buffer` hold a slot).
 * Plain results go on in the same call stack; a promise costs one `then` with the slot's two ready-made functions.
 */
export class PipeStage extends Stage implements Resumable {
  readonly input: Queue
  readonly exit: Queue
  readonly budget: Budget
  /** Results that wait for earlier ones, in input order. */
  held = 0
  protected boundary: Item | undefined
  readonly settings: PipeSettings
  readonly window: OrderedWindow | undefined
  private readonly concurrency: number
  private readonly limit: number
  private readonly isBoundedInBytes: boolean
  /** Whether results go straight into the exit queue. */
  private readonly isPlain: boolean = false
  private readonly slots: Slot[] = []
  private op: (item: unknown, context: StageContext) => unknown
  private attempts: Attempts | undefined
  private placeless: Expansion[] = []
  private readonly expansions: Set<Expansion> = new Set()
  private isResuming = false
  private timingMask = OFTEN

  constructor(info: StageInfo, host: Host, input: Queue, settings: PipeSettings) {
    super(info, host)
    this.input = input
    this.settings = settings
    this.exit = new Queue(settings.buffer, settings.maxBytes)
    this.budget = new Budget(settings.maxFailures)
    this.op = settings.op
    this.concurrency = settings.concurrency
    this.limit = settings.concurrency + settings.buffer
    this.isBoundedInBytes = settings.maxBytes !== undefined
    this.window =
      settings.outputOrder === 'input' && settings.concurrency > 1 ? new OrderedWindow(this) : undefined
    input.consumer = this
    this.exit.producer = this
  }

  get inputs(): readonly Queue[] {
    return [this.input]
  }

  get exits(): readonly Queue[] {
    return [this.exit]
  }

  protected override prepare(): void {
    const { retry, timeoutMs } = this.settings
    const isHooked = this.hooks.some((hook) => hook.onTaskStart !== undefined || hook.onTaskEnd !== undefined)
    const needsAttempts = isHooked || retry !== undefined || timeoutMs !== undefined
    if (needsAttempts) this.attempts = new Attempts(this)
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

  offer(item: Item): boolean {
    if (!this.canStart()) return false
    this.start(item)
    return true
  }

  private start(item: Item): void {
    if (item.index < 0) {
      this.boundary = item
      this.settleBoundary()
      return
    }
    this.call(item)
  }

  /** Begins the task of one item. */
  protected call(item: Item): void {
    const isTimed = (this.counters.tasks++ & this.timingMask) === 0
    this.running++
    this.window?.open(item)
    if (this.attempts !== undefined) {
      this.attempts.begin(item, this.op)
      return
    }
    const startedAt = isTimed ? exactNow() : 0
    let result: unknown
    try {
      result = this.op(item.value, new TaskContext(this, item))
    } catch (error) {
      this.taskFailed(item, item.value, error, 1)
      return
    }
    if (typeof result === 'object' && result !== null && this.isAwaited(item, result, startedAt)) return
    this.running--
    if (this.signalled !== undefined) this.signalled.delete(item)
    if (startedAt !== 0) this.addTime(startedAt)
    this.ended(item, result)
  }

  /** Whether a result is not there yet: a promise or anything else with `then`, or a generator. */
  private isAwaited(item: Item, result: object, startedAt: number): boolean {
    if (result instanceof Promise || typeof (result as { then?: unknown }).then === 'function') {
      const slot = this.slots.pop() ?? new Slot(this)
      slot.item = item
      slot.startedAt = startedAt
      const promise = result instanceof Promise ? result : Promise.resolve(result)
      void promise.then(slot.ok, slot.failed)
      return true
    }
    if (!isGenerator(result)) return false
    this.expand(new Expansion(this, item, result))
    return true
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
      this.exit.put(item)
    } else this.ended(item, value)
    if (this.input.length > 0 && this.isPlain && !this.host.isDraining && this.boundary === undefined)
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
    if (slot.startedAt !== 0) this.addTime(slot.startedAt)
    this.slots.push(slot)
    return item
  }

  /** The slow path's task gave its result. */
  taskDone(item: Item, value: unknown, startedAt: number): void {
    this.running--
    this.signalled?.delete(item)
    this.addTime(startedAt)
    this.ended(item, value)
    this.proceed()
  }

  /** A task ended with a plain result; its slot is free already. */
  private ended(item: Item, value: unknown): void {
    if (this.state !== RUNNING && this.isTooLate(item)) return
    this.output(item, value)
    if (this.budget.isRate) this.countCall(item)
  }

  /** Passes one result on. */
  protected output(item: Item, value: unknown): void {
    if (value === undefined) {
      this.counters.skipped++
      retire(item)
      this.window?.settle(item, DROPPED)
      return
    }
    item.value = value
    if (this.window === undefined) this.emit(item)
    else {
      this.held++
      this.window.settle(item, READY)
    }
  }

  /** Puts a finished item into the exit queue. */
  emit(item: Item): void {
    this.exit.put(item)
  }

  /** A task failed: after its last attempt, or in the middle of its outputs. */
  taskFailed(item: Item, input: unknown, error: unknown, attempts: number): void {
    this.running--
    this.signalled?.delete(item)
    if (this.state !== RUNNING && this.isTooLate(item)) return
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

  private countCall(item: Item): void {
    this.budget.calls++
    if (this.budget.isExceeded && this.state === RUNNING) {
      this.exceed(
        this.recent.at(-1) ?? {
          stage: this.info.name,
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
    this.abort(this.signalReason())
    this.closeExpansions()
    this.window.clear()
    this.held = 0
    this.finish()
  }

  protected signalReason(): unknown {
    return new DOMException(`stage "${this.info.name}" failed`, 'AbortError')
  }

  protected override cancelled(): void {
    this.closeExpansions()
    this.window?.clear()
    this.held = 0
    this.boundary = undefined
  }

  private closeExpansions(): void {
    for (const expansion of [...this.expansions]) {
      expansion.close()
      this.expansions.delete(expansion)
      this.running--
    }
    this.placeless = []
  }

  // --- generators

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

  override get isResting(): boolean {
    const resting = [...this.expansions].filter((expansion) => expansion.isResting).length
    return this.running === resting && !this.isResuming
  }

  /** A generator waits for a place. */
  park(expansion: Expansion): void {
    this.placeless.push(expansion)
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
    if (this.budget.isRate) this.countCall(expansion.item)
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

  // --- going on

  /** A task has ended that nobody on the call stack waits for: begin the next, or end. */
  proceed(): void {
    if (this.boundary !== undefined) this.settleBoundary()
    else if (this.input.length > 0) this.pump()
    else if (this.input.isClosed) this.inputEnded()
    if (this.state === FAILING && this.running === 0) this.finish()
    this.rested()
  }

  pump(): void {
    let hasTaken = false
    while (this.input.length > 0 && this.canStart()) {
      if (isSliceOver()) {
        this.resumeLater()
        break
      }
      hasTaken = true
      this.start(this.input.shift() as Item)
    }
    if (this.input.isDrained) this.inputEnded()
    else if (hasTaken) this.input.wake()
  }

  private resumeLater(): void {
    if (this.isResuming) return
    this.isResuming = true
    resumeNextTurn(this)
  }

  resume(): void {
    this.isResuming = false
    this.pump()
  }

  roomMade(): void {
    if (this.placeless.length > 0) {
      const parked = this.placeless
      this.placeless = []
      for (const expansion of parked) expansion.advance()
    }
    const places = this.limit - this.running - this.held - this.exit.length
    if (places >= this.exit.refillAt && this.input.length > 0) this.pump()
  }

  inputEnded(): void {
    if (this.state !== RUNNING || !this.input.isDrained || !this.isIdle() || this.boundary !== undefined)
      return
    if (this.flush(true)) return
    this.finish()
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

  private isIdle(): boolean {
    return this.running === 0 && (this.window === undefined || this.window.length === 0)
  }

  /** Whether the stage had something left to give at the end of the stream (or of an epoch), and has begun to. */
  protected flush(_isEndOfStream: boolean): boolean {
    return false
  }

  private addTime(startedAt: number): void {
    const took = exactNow() - startedAt
    // A sample stands for all the tasks since the one before.
    const weight = this.timingMask + 1
    this.counters.timed += weight
    this.counters.timedMs += took * weight
    this.timingMask = took < QUICK_MS ? SELDOM : OFTEN
    if (took > this.counters.longestMs) this.counters.longestMs = took
  }
}
