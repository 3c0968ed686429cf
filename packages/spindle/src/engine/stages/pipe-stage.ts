import { adopt, isPromise, isThenable } from '../../user-code.ts'
import type { AsyncScope } from '../flow/async-scope.ts'
import { DROPPED, type Item, READY, retire } from '../flow/item.ts'
import { enter, LEFT, leave, marker } from '../flow/marker.ts'
import type { Follower, Queue } from '../flow/queue.ts'
import { shouldYield } from '../flow/time-slice.ts'
import { type PendingTimes, pendingTimes, TaskTimer, type Timing } from '../stats/task-timer.ts'
import type { StageContext, StageInfo } from '../types.ts'
import { Attempts } from './attempts.ts'
import { seesContext, TaskContext } from './context.ts'
import { FlatMapStage } from './flat-map-stage.ts'
import { GeneratorRun, isGenerator } from './generator-run.ts'
import type { GraphContext } from './graph-context.ts'
import type { PipeSettings } from './pipe-settings.ts'
import { ReorderBuffer } from './reorder-buffer.ts'
import { Slot } from './slot.ts'
import { RUNNING } from './stage.ts'

// `shouldYieldMidway`, written out where it is asked for each item: V8 has no room left to inline
// it.
const words = marker
const AT = LEFT

/** What an op gets for a context that it cannot see. */
const unseen = undefined as unknown as StageContext

/**
 * Applies an op to each item, at most `concurrency` at a time.
 *
 * Nothing polls and nothing waits: a call begins when the stage before hands an item over
 * ({@link start}), when a call ends, or when the stage after has taken something
 * ({@link roomMade}). A call may begin if a slot is free and its result will have a place:
 * `running + held + exit.length < concurrency + buffer`, in both orders (results above `buffer`
 * hold a slot). Plain results go on in the same call stack; a promise costs one `then` with the
 * slot's two ready-made functions.
 */
export class PipeStage extends FlatMapStage implements Follower {
  readonly window: ReorderBuffer | undefined
  private readonly seesContext: boolean
  /**
   * Whether results go on as they are: no attempts, no rate to look at, no bound in bytes, no
   * context. Known once the hooks are.
   */
  private isPlain = false
  /**
   * Whether a call may take the short way ({@link callFast}): the stage is plain and runs, no
   * boundary waits, nobody drains. One look for all that seldom is, since each look costs an item
   * about a nanosecond.
   */
  isFast = false
  private freeSlot: Slot | undefined = undefined
  private readonly slots: Slot[] = []
  protected override readonly holdsLoop: boolean
  private op: (item: unknown, context: StageContext) => unknown
  private attempts: Attempts | undefined = undefined
  private readonly timer: TaskTimer = new TaskTimer()

  constructor(info: StageInfo, host: GraphContext, input: Queue, settings: PipeSettings) {
    super(info, host, input, settings)
    this.op = settings.op
    this.seesContext = seesContext(settings.op)
    this.holdsLoop = !settings.runsElsewhere
    const isParallel = settings.concurrency > 1 || settings.range !== undefined
    this.window =
      settings.outputOrder === 'input' && isParallel ? new ReorderBuffer(this) : undefined
    if (this.constructor === PipeStage) input.follower = this
  }

  protected override prepare(): void {
    const { retry, timeoutMs } = this.settings
    const isHooked = this.hooks.some(
      (hook) => hook.onTaskStart !== undefined || hook.onTaskEnd !== undefined,
    )
    const needsAttempts = isHooked || retry !== undefined || timeoutMs !== undefined
    if (needsAttempts) this.attempts = new Attempts(this)
    this.isPlain =
      !needsAttempts &&
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
      !this.host.isDraining &&
      this.tracer === undefined
  }

  override keepScope(calls: AsyncScope | undefined, hooks: AsyncScope | undefined): void {
    // What an executor does for all who use it belongs to none of them.
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

  // As in the class above; written out because every item that waited comes through here.
  override pump(): void {
    const { input } = this
    let taken = 0
    while (input.length > 0 && (this.isFast ? this.canStartFast() : this.canStart())) {
      // Counts one of eight: most pumps take an item or two.
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

  // --- the short way: an item of a plain stage

  canStartFast(): boolean {
    return (
      this.running < this.concurrency && this.running + this.held + this.exit.length < this.limit
    )
  }

  /**
   * What {@link call} comes to. What is seldom is in functions of its own, so that V8 inlines the
   * rest.
   */
  callFast(item: Item): void {
    const count = this.tasks++
    this.running++
    if (this.window !== undefined) this.window.open(item)
    if (this.timer.isDue(count)) {
      this.invoke(item, this.timer.begin(count))
      return
    }
    // Called as a function, not as a method of the stage: its `this` is none of the engine's.
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

  /** A pending call gave its result. */
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
    if (this.window === undefined) this.give(item)
    else if (!this.window.giveFirst(item)) {
      this.hold()
      item.state = READY
    }
  }

  /** Puts a result out: what `exit.put` does, without virtual calls where a pipe stage follows. */
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

  // --- the way of all others

  /** Begins the task of one item. */
  protected call(item: Item): void {
    const count = this.tasks++
    this.running++
    if (this.window !== undefined) this.window.open(item)
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
    // A timed call is put into the stage's scope by its timer.
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

  /** Has a slot take a pending call's result. */
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
   * An op has returned something that is no promise: a result, something else that can be awaited,
   * or a generator.
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

  /** A pending call threw. */
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

  /** The slow path's task gave its result. */
  taskDone(item: Item, value: unknown): void {
    this.running--
    this.signalled?.delete(item)
    this.ended(item, value)
    this.proceed()
  }

  /** A task ended with a plain result; its slot is free already. */
  private ended(item: Item, value: unknown): void {
    this.tracer?.end(item, true)
    if (this.state !== RUNNING && this.isTooLate(item)) return
    const { index } = item
    this.output(item, value)
    if (this.window === undefined) this.countCall(index)
  }

  protected output(item: Item, value: unknown): void {
    if (value === undefined) {
      this.counters.skipped++
      this.counters.endedSilently(1)
      retire(item)
      this.window?.settle(item, DROPPED)
      return
    }
    item.value = value
    if (this.window === undefined) this.exit.put(item)
    else {
      this.hold()
      this.window.settle(item, READY)
    }
  }

  protected override failed(): void {
    // In input order nothing after the fatal item is delivered, so nothing is waited for.
    if (this.window === undefined) return
    this.abort(new DOMException(`stage "${this.info.name}" failed`, 'AbortError'))
    this.running -= this.generatorRuns.close()
    this.window.clear()
    this.forgetHeld()
    this.finish()
  }

  protected override cancelled(): void {
    this.running -= this.generatorRuns.close()
    this.window?.clear()
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
