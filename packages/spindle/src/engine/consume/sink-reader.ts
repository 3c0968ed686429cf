import { type AsyncScope, currentScope } from '../flow/async-scope.ts'
import { exactNow } from '../flow/clock.ts'
import { Integral } from '../flow/integral.ts'
import type { Item } from '../flow/item.ts'
import type { ItemPool } from '../flow/item-pool.ts'
import { LEFT, marker, newMark } from '../flow/marker.ts'
import type { Consumer, Queue } from '../flow/queue.ts'
import {
  type Resumable,
  resumeNextTurn,
  shouldYield,
  shouldYieldMidway,
} from '../flow/time-slice.ts'
import type { Commits, Holder } from '../progress/commits.ts'
import { Counters } from '../stats/counters.ts'
import type { ConsumerTimes } from '../stats/pipeline-stats.ts'
import { TaskTimer } from '../stats/task-timer.ts'
import { ConsumerTime } from './consumer-time.ts'

// As in `pipe-stage.ts`.
const words = marker
const AT = LEFT

const ITEMS_PER_LOOK = 8
const SLOW_ITEM_MS = 0.05

/** Somebody who wants items: a pending `next()`, or a `forEach`. */
export interface PendingRead {
  /** The epoch it began in. */
  readonly epoch: number
  /**
   * Who has the items until they are committed, where that is kept book of; `undefined`: whoever
   * asks next has done with them.
   */
  readonly holder: Holder | undefined
  /** Of which consumer it is, where that may leave while it waits. */
  readonly session: object | undefined
  /** Takes one item; whether it wants more at once. */
  give(value: unknown): boolean
  /** The end of the stream, or of its epoch. */
  end(): void
  /** The pipeline failed. */
  fail(error: unknown): void
  /** What it is told from now on may be heard by nobody: that is no unhandled rejection. */
  hush?(): void
}

/**
 * The consumer's side of the sink's queue: hands items to takers, first come, first served, and
 * knows how the stream ends.
 *
 * OPEN until the sink's queue is closed and empty; then ENDED, and an error, if there is one, is
 * given to every taker, those that come later included. With continuous sources an epoch's boundary
 * at the head of the queue ends all takers of that epoch.
 */
export class SinkReader implements Consumer, Resumable {
  readonly queue: Queue
  /** What the queue is filled from. */
  private readonly source: Queue
  /** Number of the epoch whose items are being taken. */
  epoch = 0
  /** Items given to the consumer. */
  given = 0
  /** Called when the first one is. */
  onFirst: (() => void) | undefined
  /** What the consumer is known by in the marker. */
  readonly mark: number = newMark()
  private takers: PendingRead[] = []
  /** Times what is done with the items: of a `forEach`, the calls of its function. */
  readonly counters: Counters = new Counters(false)
  readonly time: ConsumerTime = new ConsumerTime()
  private readonly timer: TaskTimer = new TaskTimer()
  /** Whether somebody waits, over time. */
  private readonly waiting: Integral = new Integral()
  private unlooked = 0
  private lookedAt = 0
  private stride = 1
  private isGiving = false
  private isResuming = false
  private hasEnded = false
  private isClosing = false
  private error: { readonly reason: unknown } | undefined
  /**
   * Whether calls of a `forEach`'s function are made in a context of their own; see
   * `call-scopes.ts`.
   */
  keepsScopes = false
  /** `forEach` calls whose promise is pending. */
  busy = 0
  /**
   * Called once when the stream has ended and the queue is empty; resolves with the error to give,
   * if any.
   */
  private readonly onDrained: () => undefined | PromiseLike<unknown>

  /** Called whenever the consumer's side may have come to rest. */
  private readonly onRest: () => void
  private readonly itemPool: ItemPool
  /** The pipeline's async context, into which a consumer's calls change. */
  scope: AsyncScope = currentScope()
  /** What was given and is not committed, where that is kept book of. */
  readonly commits: Commits | undefined

  constructor(
    { exit, input }: { readonly exit: Queue; readonly input: Queue },
    itemPool: ItemPool,
    commits: Commits | undefined,
    onDrained: () => undefined | PromiseLike<unknown>,
    onRest: () => void,
  ) {
    this.queue = exit
    this.source = input
    this.itemPool = itemPool
    this.commits = commits
    this.onDrained = onDrained
    this.onRest = onRest
    exit.consumer = this
  }

  /** Whether somebody is waiting for an item. */
  get isAwaited(): boolean {
    return this.takers.length > 0
  }

  /**
   * Whether an iterator or `forEach` is waiting for an item, rather than a single `getItem`, whose
   * promise may be forgotten.
   */
  get isIterated(): boolean {
    return this.takers.some((taker) => taker.holder !== undefined)
  }

  /** See {@link PendingRead.hush}. */
  hush(): void {
    for (const taker of this.takers) taker.hush?.()
  }

  /** Whether the stream is over and all of it was taken. */
  get isEnded(): boolean {
    return this.hasEnded
  }

  canStart(): boolean {
    return this.takers.length > 0 && !this.isGiving
  }

  offer(item: Item): boolean {
    if (!this.canStart() || ((words[AT] as number) <= 1 && shouldYield() && this.waitsForTurn()))
      return false
    this.start(item)
    return true
  }

  /** The loop has to turn before the consumer gets the next item. Things go on after that. */
  private waitsForTurn(): true {
    if (!this.isResuming) {
      this.isResuming = true
      resumeNextTurn(this)
    }
    return true
  }

  resume(): void {
    this.isResuming = false
    this.pump()
  }

  private start(item: Item): void {
    if (item.index < 0) {
      this.endEpoch()
      return
    }
    const taker = this.takers[0] as PendingRead
    if (this.commits !== undefined && !this.commits.gives(item, taker.holder)) return
    if (this.given++ === 0) this.onFirst?.()
    const { value } = item
    this.itemPool.add(item)
    this.isGiving = true
    const wantsMore = this.timer.isDue(this.given)
      ? this.giveTimed(taker, value)
      : taker.give(value)
    this.isGiving = false
    if (!wantsMore && this.takers[0] === taker) {
      this.takers.shift()
      this.waiting.change(this.takers.length > 0 ? 1 : 0)
    }
  }

  private giveTimed(taker: PendingRead, value: unknown): boolean {
    const timing = this.timer.begin(this.given)
    const wantsMore = taker.give(value)
    this.timer.returned(timing, this.counters)
    this.timer.end(timing, this.counters, true)
    return wantsMore
  }

  /** How the consumer has spent its time. */
  get times(): ConsumerTimes {
    const { loopMs } = this.counters
    const waitMs = Math.max(0, this.waiting.read() - loopMs)
    return { waitMs, loopMs, heldUpMs: this.time.heldUpMs, packMs: 0 }
  }

  inputEnded(): void {
    if (this.isClosing || this.hasEnded) return
    this.isClosing = true
    const failing = this.onDrained()
    if (failing === undefined) this.finish(undefined)
    else
      void failing.then((reason) => {
        this.finish(reason === undefined ? undefined : { reason })
      })
  }

  /** Ends at once, whatever is queued: takers hear `reason`. */
  abort(reason: unknown): void {
    if (this.hasEnded) return
    this.isClosing = true
    this.queue.discard(() => {})
    this.finish({ reason })
  }

  private finish(error: { readonly reason: unknown } | undefined): void {
    this.hasEnded = true
    this.error = error
    const takers = this.takers
    this.takers = []
    this.waiting.change(0)
    for (const taker of takers) this.endTaker(taker)
    this.onRest()
  }

  private endTaker(taker: PendingRead): void {
    // Every taker hears of it: a failed pipeline must not look like one that is complete.
    if (this.error === undefined) taker.end()
    else taker.fail(this.error.reason)
  }

  private endEpoch(): void {
    this.epoch++
    const takers = this.takers.filter((taker) => taker.epoch < this.epoch)
    this.takers = this.takers.filter((taker) => taker.epoch >= this.epoch)
    this.waiting.change(this.takers.length > 0 ? 1 : 0)
    for (const taker of takers) taker.end()
  }

  /**
   * Takes the value of an item that is there; `undefined`, which no item has, if there is none.
   * Boundaries at the head of the queue are passed, which may end the caller's epoch.
   */
  take(epoch: number, holder: Holder | undefined): unknown {
    let hasDropped = false
    while (this.queue.length > 0 && this.epoch <= epoch) {
      const item = this.queue.shift() as Item
      if (item.index < 0) {
        this.endEpoch()
        continue
      }
      if (this.commits !== undefined && !this.commits.gives(item, holder)) {
        hasDropped = true
        continue
      }
      if (this.given++ === 0) this.onFirst?.()
      const { value } = item
      this.itemPool.add(item)
      return value
    }
    // Nobody else will: the caller has got nothing.
    if (hasDropped) this.settle()
    return undefined
  }

  /** Does something that may run the stages' code, on a consumer's call. */
  inScope<R>(call: () => R): R {
    return this.scope.runInAsyncScope(call)
  }

  /** After {@link take}: lets the sink refill, and sees whether that was the last item. */
  settle(): void {
    const { queue } = this
    const isRefillDue = queue.capacity - queue.length >= queue.refillAt && this.source.length > 0
    // The context is changed only for what runs something: that is seldom every item.
    if (isRefillDue || queue.isClosed) this.time.within(this.refillInScope)
  }

  private readonly refillInScope = (): void => this.scope.runInAsyncScope(this.refill, this)

  private refill(): void {
    if (this.queue.isDrained) this.inputEnded()
    else this.queue.wake()
  }

  /**
   * A consumer comes back: it may have computed for long in the same burst of microtasks, for which
   * the coarse clock stands still.
   */
  lookAtTime(): void {
    if (--this.unlooked >= 0) return
    const now = exactNow()
    const isSlow = (now - this.lookedAt) / this.stride > SLOW_ITEM_MS
    this.lookedAt = now
    this.stride = isSlow ? 1 : ITEMS_PER_LOOK
    this.unlooked = this.stride - 1
  }

  /** Waits for an item: a consumer's call. */
  await(taker: PendingRead): void {
    const { queue } = this
    if (queue.length > 0 || this.hasEnded || queue.isClosed || this.epoch > taker.epoch)
      this.scope.runInAsyncScope(this.add, this, taker)
    else this.add(taker)
  }

  /** Waits for an item, in the pipeline's async context. */
  add(taker: PendingRead): void {
    if (this.hasEnded) this.endTaker(taker)
    else if (this.epoch > taker.epoch) {
      taker.end()
      // It was a boundary that was taken: its place is free.
      this.refill()
    } else {
      this.takers.push(taker)
      this.waiting.change(1)
      this.pump()
    }
  }

  /** Stops waiting; what comes goes to others. */
  remove(taker: PendingRead): void {
    const at = this.takers.indexOf(taker)
    if (at < 0) return
    this.takers.splice(at, 1)
    this.waiting.change(this.takers.length > 0 ? 1 : 0)
  }

  /** A consumer leaves: what it has asked for ahead ends, and takes no item from those who stay. */
  leave(session: object): void {
    const isLeaving = (taker: PendingRead): boolean => taker.session === session
    const leaving = this.takers.filter(isLeaving)
    if (leaving.length === 0) return
    this.takers = this.takers.filter((taker) => !isLeaving(taker))
    this.waiting.change(this.takers.length > 0 ? 1 : 0)
    for (const taker of leaving) taker.end()
    this.onRest()
  }

  /** Gives what is queued to those who wait. */
  pump(): void {
    let hasTaken = false
    while (
      this.canStart() &&
      this.queue.length > 0 &&
      !(shouldYieldMidway() && this.waitsForTurn())
    ) {
      hasTaken = true
      this.start(this.queue.shift() as Item)
    }
    if (this.queue.isDrained) this.inputEnded()
    else if (hasTaken) this.queue.wake()
  }
}
