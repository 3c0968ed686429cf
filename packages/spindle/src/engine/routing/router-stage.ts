import { show } from '../../check.ts'
import { SpindleError } from '../../errors.ts'
import { adopt, isThenable } from '../../user-code.ts'
import { enter, leave } from '../flow/current-call.ts'
import { Integral } from '../flow/integral.ts'
import { type Item, lose, partOf } from '../flow/item.ts'
import type { Queue } from '../flow/queue.ts'
import { SplitBatch } from '../flow/split-batch.ts'
import type { GraphContext } from '../stages/graph-context.ts'
import { type PendingWork, pendingItems } from '../stages/pending-work.ts'
import { PulledStage } from '../stages/pulled-stage.ts'
import { CANCELLED, FAILING, RUNNING } from '../stages/stage.ts'
import { type PendingTimes, pendingTimes, TaskTimer, type Timing } from '../stats/task-timer.ts'
import type { StageInfo } from '../types.ts'
import type { JoinStage } from './join-stage.ts'

/**
 * Sends each item (or each part of a batch) into one of several paths, in order within each path. A
 * full path does not block the others at once: up to `lookAhead` items, over all paths, may wait in
 * the paths' queues beyond their capacities. Then routing stops.
 */
export class RouterStage extends PulledStage {
  readonly exits: readonly Queue[]
  readonly #router: (item: unknown) => unknown
  /** The stage that collects the parts of batches. `undefined` if items are not split. */
  readonly #join: JoinStage | undefined
  /** The item whose router call is pending. */
  #asked: Item | undefined
  readonly #lookAhead: number
  readonly #timer: TaskTimer = new TaskTimer()
  /** The timing of the call in flight, if it is timed. */
  #timing: Timing | undefined
  /** Integral over time of whether an item waits for room in the paths. */
  readonly #blocked: Integral = new Integral()

  override get callsOps(): boolean {
    return true
  }

  constructor(
    info: StageInfo,
    graph: GraphContext,
    input: Queue,
    router: (item: unknown) => unknown,
    exits: readonly Queue[],
    join: JoinStage | undefined,
    lookAhead: number,
  ) {
    super(info, graph, input)
    this.#router = router
    this.#join = join
    this.#lookAhead = lookAhead
    this.exits = exits
    for (const exit of exits) exit.producer = new PathProducer(this)
    if (join !== undefined) join.onRoom = () => this.pump()
  }

  override get code(): unknown {
    return this.#router
  }

  protected override get pendingCalls(): PendingWork | undefined {
    return this.#asked === undefined
      ? undefined
      : pendingItems(this.info, 'has not chosen the path of', [this.#asked])
  }

  canStart(): boolean {
    return (
      this.running === 0 &&
      this.state === RUNNING &&
      this.#hasPlace() &&
      (this.#join === undefined || this.#join.mayOpen())
    )
  }

  /** Whether every path has room for the next item. */
  #hasPlace(): boolean {
    let ahead = 0
    let isAnyFull = false
    for (const { length, capacity } of this.exits) {
      if (length < capacity) continue
      isAnyFull = true
      ahead += length - capacity
    }
    return !isAnyFull || ahead + this.#mostAtOnce <= this.#lookAhead
  }

  /** The parts of one batch may go into every path. */
  get #mostAtOnce(): number {
    return this.#join === undefined ? 1 : this.exits.length
  }

  override offer(item: Item): boolean {
    if (super.offer(item)) return true
    this.#note(true)
    return false
  }

  override pump(): void {
    super.pump()
    this.#note(this.input.length > 0)
  }

  /** Updates whether waiting items are blocked by full paths. */
  #note(isAwaited: boolean): void {
    const isBlocked = isAwaited && this.state === RUNNING && this.running === 0 && !this.canStart()
    this.#blocked.change(isBlocked ? 1 : 0)
  }

  override get blockedMs(): number {
    return this.#blocked.read()
  }

  protected override cancelled(): void {
    this.#blocked.change(0)
  }

  protected override failed(): void {
    this.#blocked.change(0)
  }

  protected start(item: Item): void {
    if (item.index < 0) {
      for (const exit of this.exits) exit.put(item)
      return
    }
    const count = this.tasks++
    this.running++
    let choice: unknown
    this.tracer?.begin(item, item.index)
    this.tracer?.called()
    if (this.#timer.isDue(count)) this.#timing = this.#timer.begin(count)
    const timing = this.#timing
    const word = enter(this.mark, this.tasks)
    try {
      // Call it as a function and not as a method of the stage.
      const router = this.#router
      const { callScope } = this
      if (timing !== undefined)
        choice = this.#timer.call(timing, () => router(item.value), callScope)
      else if (callScope === undefined) choice = router(item.value)
      else choice = callScope.runInAsyncScope(router, undefined, item.value)
    } catch (error) {
      leave(word)
      this.#returned(item)
      this.#endTiming(false)
      this.#refused(item, error)
      return
    }
    leave(word)
    this.#returned(item)
    if (isThenable(choice)) {
      this.#asked = item
      adopt(choice).then(
        (value) => {
          this.#asked = undefined
          this.#endTiming(true)
          this.#route(item, value)
          this.#proceed()
        },
        (error) => {
          this.#asked = undefined
          this.#endTiming(false)
          this.#refused(item, error)
          this.#proceed()
        },
      )
    } else {
      this.#endTiming(true)
      this.#route(item, choice)
    }
  }

  #returned(item: Item): void {
    this.tracer?.returned(item)
    if (this.#timing !== undefined) this.#timer.returned(this.#timing, this.counters)
  }

  #endTiming(isOk: boolean): void {
    if (this.#timing === undefined) return
    this.#timer.end(this.#timing, this.counters, isOk)
    this.#timing = undefined
  }

  override get pendingTimes(): PendingTimes {
    return pendingTimes([this.#timing])
  }

  #route(item: Item, choice: unknown): void {
    this.running--
    this.tracer?.end(item, true)
    if (this.state !== RUNNING) {
      this.#late(item)
      return
    }
    if (this.#join !== undefined) this.#split(item, choice, this.#join)
    else if (this.#isPath(choice)) {
      ;(this.exits[choice] as Queue).put(item)
    } else {
      this.fail(this.#badChoice(choice), item.index)
    }
  }

  #split(item: Item, choices: unknown, join: JoinStage): void {
    let parts: readonly unknown[][]
    try {
      parts = this.#partsOf(item.value, choices)
    } catch (error) {
      this.fail(error, item.index)
      return
    }
    const split = new SplitBatch(item, parts.length, () => join.completed())
    const used = parts.flatMap((part, path) => (part.length > 0 ? [path] : []))
    // Count all parts before sending the first one: a part may reach the end of its path within
    // `put`.
    for (const _ of used) split.enter()
    join.opened(split)
    for (const path of used) {
      const part = partOf(item, parts[path], path, split)
      ;(this.exits[path] as Queue).put(part)
    }
    if (used.length === 0) join.completed()
  }

  /** Divides a batch. Both arrays are the user's and may be Proxies. @throws `ERR_ROUTE` */
  #partsOf(batch: unknown, choices: unknown): readonly unknown[][] {
    if (!Array.isArray(batch)) {
      throw new SpindleError('ERR_ROUTE', `batched variants need arrays, got ${show(batch)}`)
    }
    if (!isList(choices) || choices.length !== batch.length) {
      const got = isList(choices) ? `${choices.length} for ${batch.length} elements` : show(choices)
      const rule = 'the router of batched variants must return one path for each element'
      throw new SpindleError('ERR_ROUTE', `${rule}, got ${got}`)
    }
    const parts: unknown[][] = this.exits.map(() => [])
    for (let i = 0; i < batch.length; i++) {
      const choice = choices[i]
      if (!this.#isPath(choice)) throw this.#badChoice(choice)
      ;(parts[choice] as unknown[]).push(batch[i])
    }
    return parts
  }

  #isPath(choice: unknown): choice is number {
    return (
      typeof choice === 'number' &&
      Number.isInteger(choice) &&
      choice >= 0 &&
      choice < this.exits.length
    )
  }

  #badChoice(choice: unknown): SpindleError {
    const rule = `the router must return the index of a path, an integer from 0 to ${this.exits.length - 1}`
    return new SpindleError('ERR_ROUTE', `${rule}, got ${show(choice)}`)
  }

  #refused(item: Item, error: unknown): void {
    this.running--
    this.tracer?.end(item, false)
    if (this.state === RUNNING) this.fail(error, item.index)
    else this.#late(item)
  }

  #late(item: Item): void {
    lose(item)
    if (this.running > 0) return
    if (this.state === CANCELLED) this.rest()
    else if (this.state === FAILING) this.finish()
  }

  #proceed(): void {
    if (this.input.length > 0) this.pump()
    else if (this.input.isClosed) this.inputEnded()
    if (this.graph.isDraining) this.graph.rested()
  }

  protected isIdle(): boolean {
    return this.running === 0
  }

  /**
   * Called when a path needs no more items. The items in other paths continue to the end. The
   * router sends no more items to any path.
   */
  cancelPath(abort: boolean): void {
    if (this.state >= CANCELLED) return
    this.cancel(abort)
    for (const exit of this.exits) exit.close()
  }
}

/** The producer that the first stage of a path sees. */
class PathProducer {
  readonly #router: RouterStage

  constructor(router: RouterStage) {
    this.#router = router
  }

  roomMade(): void {
    this.#router.roomMade()
  }

  cancel(abort: boolean): void {
    this.#router.cancelPath(abort)
  }
}

function isList(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && 'length' in value)
}
