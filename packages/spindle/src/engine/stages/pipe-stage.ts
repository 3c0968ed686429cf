import { adopt, isGenerator, isPromise, isThenable } from '../../user-code.ts'
import type { AsyncScope } from '../flow/async-scope.ts'
import { callWords, enter, LEFT, leave } from '../flow/current-call.ts'
import { DROPPED, type Item, READY, retire } from '../flow/item.ts'
import type { Follower, Queue } from '../flow/queue.ts'
import { shouldYield } from '../flow/time-slice.ts'
import { type PendingTimes, pendingTimes, TaskTimer, type Timing } from '../stats/task-timer.ts'
import type { StageContext, StageInfo } from '../types.ts'
import { Attempts } from './attempts.ts'
import { seesContext, TaskContext } from './context.ts'
import { FlatMapStage } from './flat-map-stage.ts'
import { GeneratorRun } from './generator-run.ts'
import { DROPPED_MANY, type GraphContext } from './graph-context.ts'
import type { PipeSettings } from './pipe-settings.ts'
import { ReorderBuffer } from './reorder-buffer.ts'
import { Slot } from './slot.ts'
import { RUNNING } from './stage.ts'

// The code repeats `shouldYieldMidway` where it runs for each item, because V8 has no room left to
// inline it.
const words = callWords
const AT = LEFT

/** The context argument of ops that cannot see their context. */
const unseen = undefined as unknown as StageContext

/**
 * Applies an op to each item, with at most `concurrency` calls at a time.
 *
 * Nothing polls. A call begins when the stage before hands over an item ({@link start}), when a
 * call ends, or when the stage after has taken an item ({@link roomMade}). A call may begin if a
 * slot is free and its result will have a place:
 * `running + held + exit.length < concurrency + buffer`, in both orders (results above `buffer`
 * hold a slot). Plain results continue in the same call stack. A promise costs one `then` with the
 * slot's two ready-made functions.
 */
export class PipeStage extends FlatMapStage implements Follower {
  readonly reorderBuffer: ReorderBuffer | undefined
  private readonly seesContext: boolean
  /**
   * Whether results need no further handling: no attempts, no failure rate, no limit in bytes, no
   * context. Known when the hooks are known.
   */
  private isPlain = false
  /**
   * Whether a call may take the short way ({@link callFast}): the stage is plain and runs, no
   * boundary waits, and nothing drains. This flag replaces several rare checks, because each check
   * costs an item about a nanosecond.
   */
  isFast = false
  private freeSlot: Slot | undefined = undefined
  private readonly slots: Slot[] = []
  protected override readonly holdsLoop: boolean
  private op: (item: unknown, context: StageContext) => unknown
  private attempts: Attempts | undefined = undefined
  private readonly timer: TaskTimer = new TaskTimer()

  constructor(info: StageInfo, graph: GraphContext, input: Queue, settings: PipeSettings) {
    super(info, graph, input, settings)
    this.op = settings.op
    this.seesContext = seesContext(settings.op)
    this.holdsLoop = !settings.runsElsewhere
    const isParallel = settings.concurrency > 1 || settings.range !== undefined
    this.reorderBuffer =
      settings.outputOrder === 'input' && isParallel ? new ReorderBuffer(this) : undefined
    if (this.constructor === PipeStage) input.follower = this
  }

  protected override prepare(): void {
    const { retry, timeoutMs, rateLimit } = this.settings
    const isHooked = this.hooks.some(
      (hook) => hook.onTaskStart !== undefined || hook.onTaskEnd !== undefined,
    )
    const needsAttempts =
      isHooked || retry !== undefined || timeoutMs !== undefined || rateLimit !== undefined
    if (needsAttempts) this.attempts = new Attempts(this)
    this.isPlain =
      !needsAttempts &&
      this.graph.followsItems !== true &&
      !this.budget.isRate &&
      !this.isBoundedInBytes &&
      !this.seesContext &&
      this.constructor === PipeStage
  }

  override get keepsItems(): boolean {
    return !this.isPlain
  }

  protected override get pendingItems(): readonly Item[] {
    const items = [
      ...this.slots.flatMap(({ item }) => item ?? []),
      ...(this.attempts?.pendingItems ?? []),
      ...this.generatorRuns.waiting.map(({ item }) => item),
    ]
    return items.sort((one, other) => one.index - other.index)
  }

  override adapt(): void {
    this.isFast =
      this.isPlain &&
      this.state === RUNNING &&
      this.boundary === undefined &&
      !this.graph.isDraining &&
      this.tracer === undefined
  }

  override keepScope(calls: AsyncScope | undefined, hooks: AsyncScope | undefined): void {
    // Work that an executor does for all its users belongs to none of them.
    const own = this.settings.runsElsewhere ? undefined : calls
    super.keepScope(own, hooks)
    const { op } = this.settings
    this.op =
      own === undefined ? op : (item, context) => own.runInAsyncScope(op, undefined, item, context)
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

  start(item: Item): void {
    if (item.index < 0) {
      this.boundary = item
      this.adapt()
      this.settleBoundary()
    } else if (this.isFast) this.callFast(item)
    else this.call(item)
  }

  // Like `PulledStage.pump`. The code is repeated here because every queued item passes it.
  override pump(): void {
    const { input } = this
    let taken = 0
    while (input.length > 0 && (this.isFast ? this.canStartFast() : this.canStart())) {
      // Count one item in eight: most pumps take an item or two.
      if (this.holdsLoop && ((words[AT] as number) <= 1 || (taken & 7) === 7) && shouldYield()) {
        this.resumeLater()
        break
      }
      taken++
      this.start(input.shift() as Item)
    }
    if (input.length === 0 && input.isClosed) this.inputEnded()
    else if (taken > 0) input.producer.roomMade()
  }

  // --- the short way: items of plain stages

  canStartFast(): boolean {
    return (
      this.running < this.concurrency && this.running + this.held + this.exit.length < this.limit
    )
  }

  /**
   * Does the same as {@link call} for plain stages. Rare cases are separate functions, so that V8
   * inlines the rest.
   */
  callFast(item: Item): void {
    const count = this.tasks++
    this.running++
    if (this.reorderBuffer !== undefined) this.reorderBuffer.open(item)
    if (this.timer.isDue(count)) {
      this.invoke(item, this.timer.begin(count))
      return
    }
    // Call it as a function and not as a method, so that its `this` is not an object of the engine.
    const { op } = this
    let result: unknown
    const word = enter(this.mark, count)
    try {
      result = op(item.value, unseen)
    } catch (error) {
      leave(word)
      this.taskFailed(item, item.value, error, 1)
      return
    }
    leave(word)
    if (typeof result === 'object' && isPromise(result)) {
      let slot = this.freeSlot
      if (slot === undefined) slot = this.newSlot()
      else this.freeSlot = slot.next
      slot.item = item
      result.then(slot.ok, slot.failed)
    } else if (
      this.isFast &&
      result !== undefined &&
      (result === null || (typeof result !== 'object' && typeof result !== 'function'))
    ) {
      this.running--
      item.value = result
      this.giveInOrder(item)
    } else this.begun(item, result, undefined)
  }

  /** A pending call has returned its result. */
  settled(slot: Slot, value: unknown): void {
    if (slot.timing !== undefined || !this.isFast || value === undefined || isGenerator(value)) {
      this.settledSlowly(this.free(slot, true), value)
      return
    }
    const item = slot.item as Item
    slot.item = undefined
    slot.next = this.freeSlot
    this.freeSlot = slot
    this.running--
    item.value = value
    this.giveInOrder(item)
    if (this.isFast && this.input.length > 0) {
      if (this.canStartFast()) this.pump()
    } else if (!this.isFast || this.input.isClosed) this.proceed()
  }

  private giveInOrder(item: Item): void {
    if (this.reorderBuffer === undefined) this.give(item)
    else if (!this.reorderBuffer.giveFirst(item)) {
      this.hold()
      item.state = READY
    }
  }

  /** Puts a result out like `exit.put`, but without virtual calls if a pipe stage follows. */
  give(item: Item): void {
    const { exit } = this
    exit.passed++
    const { follower } = exit
    if (exit.length > 0) exit.enqueue(item)
    else if (follower?.isFast === true && follower.canStartFast()) {
      if ((words[AT] as number) <= 1 && shouldYield()) follower.takeLater(item)
      else follower.callFast(item)
    } else if (!exit.consumer.offer(item)) exit.enqueue(item)
  }

  // --- the general way

  /** Begins the task of one item. */
  protected call(item: Item): void {
    if (item.origin.ledger?.isAbandoned?.(item) === true) {
      this.reorderBuffer?.open(item)
      this.output(item, undefined)
      return
    }
    const count = this.tasks++
    this.running++
    if (this.reorderBuffer !== undefined) this.reorderBuffer.open(item)
    if (this.tracer !== undefined) this.tracer.begin(item, item.index)
    if (this.attempts !== undefined) {
      this.attempts.begin(item, this.settings.op)
      return
    }
    this.invoke(item, this.timer.isDue(count) ? this.timer.begin(count) : undefined)
  }

  private invoke(item: Item, timing: Timing | undefined): void {
    let result: unknown
    if (timing !== undefined) timing.calls = this.running
    // The timer puts a timed call into the stage's scope.
    const op = timing === undefined ? this.op : this.settings.op
    const context = this.seesContext ? new TaskContext(this, item, timing) : unseen
    this.tracer?.called()
    const word = enter(this.mark, this.tasks)
    try {
      result =
        timing === undefined
          ? op(item.value, context)
          : this.timer.call(timing, () => op(item.value, context), this.callScope)
    } catch (error) {
      leave(word)
      this.tracer?.returned(item)
      if (timing !== undefined) {
        this.timer.returned(timing, this.counters)
        this.timer.end(timing, this.counters, false)
      }
      this.taskFailed(item, item.value, error, 1)
      return
    }
    leave(word)
    this.tracer?.returned(item)
    if (timing !== undefined) this.timer.returned(timing, this.counters)
    if (isPromise(result)) this.await(result, item, timing)
    else this.begun(item, result, timing)
  }

  /** Passes the result of a pending call to a slot. */
  private await(promise: Promise<unknown>, item: Item, timing: Timing | undefined): void {
    let slot = this.freeSlot
    if (slot === undefined) slot = this.newSlot()
    else this.freeSlot = slot.next
    slot.item = item
    slot.timing = timing
    slot.listen(promise)
  }

  private newSlot(): Slot {
    const slot = new Slot(this)
    this.slots.push(slot)
    return slot
  }

  /**
   * Handles an op's return value that is not a promise: a result, another awaitable, or a
   * generator.
   */
  private begun(item: Item, result: unknown, timing: Timing | undefined): void {
    if (isThenable(result)) {
      this.await(adopt(result), item, timing)
      return
    }
    if (isGenerator(result)) {
      this.expand(new GeneratorRun(this, item, result))
      return
    }
    this.running--
    if (this.signalled !== undefined) this.signalled.delete(item)
    if (timing !== undefined) this.timer.end(timing, this.counters, true)
    this.ended(item, result)
  }

  private settledSlowly(item: Item, value: unknown): void {
    if (isGenerator(value)) {
      this.expand(new GeneratorRun(this, item, value))
      return
    }
    this.running--
    this.ended(item, value)
    this.proceed()
  }

  /** A pending call has thrown. */
  rejected(slot: Slot, error: unknown): void {
    const item = this.free(slot, false)
    this.taskFailed(item, item.value, error, 1)
    this.proceed()
  }

  private free(slot: Slot, isOk: boolean): Item {
    const item = slot.item as Item
    slot.item = undefined
    if (this.signalled !== undefined) this.signalled.delete(item)
    if (slot.timing !== undefined) {
      this.timer.end(slot.timing, this.counters, isOk)
      slot.timing = undefined
    }
    slot.next = this.freeSlot
    this.freeSlot = slot
    return item
  }

  override get pendingTimes(): PendingTimes {
    return this.attempts?.pendingTimes ?? pendingTimes(this.slots.map(({ timing }) => timing))
  }

  /** A task of the slow path has its result. */
  taskDone(item: Item, value: unknown): void {
    this.running--
    this.signalled?.delete(item)
    this.ended(item, value)
    this.proceed()
  }

  /** Ends a task with a plain result. Its slot is already free. */
  private ended(item: Item, value: unknown): void {
    this.tracer?.end(item, true)
    if (this.state !== RUNNING && this.isTooLate(item)) return
    const { index } = item
    this.output(item, value)
    if (this.reorderBuffer === undefined) this.countCall(index)
  }

  protected output(item: Item, value: unknown): void {
    if (value === undefined) {
      if (++this.counters.skipped === DROPPED_MANY) this.graph.droppedMany?.()
      this.counters.endedSilently(1)
      retire(item)
      this.reorderBuffer?.settle(item, DROPPED)
      return
    }
    item.value = value
    if (this.reorderBuffer === undefined) this.exit.put(item)
    else {
      this.hold()
      this.reorderBuffer.settle(item, READY)
    }
  }

  protected override failed(): void {
    // In input order, no result after the fatal item is delivered, so do not wait for them.
    if (this.reorderBuffer === undefined) return
    this.abort(new DOMException(`stage "${this.info.name}" failed`, 'AbortError'))
    this.running -= this.generatorRuns.close()
    this.reorderBuffer.clear()
    this.forgetHeld()
    this.finish()
  }

  protected override cancelled(): void {
    this.running -= this.generatorRuns.close()
    this.reorderBuffer?.clear()
    this.forgetHeld()
    this.boundary = undefined
  }

  override roomMade(): void {
    if (this.held + this.resting > 0) this.noteBlocked()
    this.generatorRuns.resume()
    const places = this.limit - this.running - this.held - this.exit.length
    if (places >= this.exit.refillAt && this.input.length > 0) this.pump()
  }
}
