import { type AsyncScope, currentScope } from '../flow/async-scope.ts'
import { exactNow } from '../flow/clock.ts'
import { callWords, LEFT, newMark } from '../flow/current-call.ts'
import { Integral } from '../flow/integral.ts'
import type { Item, ItemPool } from '../flow/item.ts'
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
const words = callWords
const AT = LEFT

const ITEMS_PER_LOOK = 8
const SLOW_ITEM_MS = 0.05

/** A request for items: a pending `next()` or a `forEach`. */
export interface PendingRead {
  /** The epoch in which the request was made. */
  readonly epoch: number
  /**
   * In a resumable run: holds the items until they are committed. `undefined`: the items are done
   * when the next item is requested by any consumer.
   */
  readonly holder: Holder | undefined
  /** The consumer, if it may leave while it waits. */
  readonly session: object | undefined
  /** Takes one item. Returns whether to give the next one at once. */
  give(value: unknown): boolean
  /** The stream, or the epoch of the request, has ended. */
  end(): void
  /** The pipeline failed. */
  fail(error: unknown): void
  /** Prevents unhandled rejections: the consumer may have dropped the promise. */
  hush?(): void
}

/**
 * The consumer's side of the sink's queue. It hands items to requests, first come, first served,
 * and handles the end of the stream.
 *
 * It is OPEN until the sink's queue is closed and empty, and then ENDED. If the pipeline failed,
 * every request gets the error, including later ones. With continuous sources, an epoch's boundary
 * at the head of the queue ends all requests of that epoch.
 */
export class SinkReader implements Consumer, Resumable {
  readonly queue: Queue
  /** The queue that feeds {@link queue}. */
  private readonly source: Queue
  /** Number of the epoch whose items are being taken. */
  epoch = 0
  /** Number of items given to the consumer. */
  given = 0
  /** Called when the first item is given. */
  onFirst: (() => void) | undefined
  /** Identifies the consumer in the current call. */
  readonly mark: number = newMark()
  private reads: PendingRead[] = []
  /** Times the consumer's code: for `forEach`, the calls of its function. */
  readonly counters: Counters = new Counters(false)
  readonly time: ConsumerTime = new ConsumerTime()
  private readonly timer: TaskTimer = new TaskTimer()
  /** Integral over time of whether a request waits. */
  private readonly waiting: Integral = new Integral()
  private unlooked = 0
  private lookedAt = 0
  private stride = 1
  private isGiving = false
  private isResuming = false
  private hasEnded = false
  private isClosing = false
  private error: { readonly reason: unknown } | undefined
  /** Whether calls of a `forEach` function run in their own context; see `call-scopes.ts`. */
  keepsScopes = false
  /** Number of `forEach` calls whose promise is pending. */
  busy = 0
  /**
   * Called once when the stream has ended and the queue is empty. Resolves with the error to give,
   * if any.
   */
  private readonly onDrained: () => undefined | PromiseLike<unknown>

  /** Called whenever the consumer's side may have come to rest. */
  private readonly onRest: () => void
  private readonly itemPool: ItemPool
  /** The pipeline's async context. Consumer calls switch to it. */
  scope: AsyncScope = currentScope()
  /** In a resumable run: the items that were given and are not committed. */
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

  /** Whether a request waits for an item. */
  get isAwaited(): boolean {
    return this.reads.length > 0
  }

  /**
   * Whether an iterator or `forEach` waits for an item. The promise of a single `getItem` does not
   * count, because it may be forgotten.
   */
  get isIterated(): boolean {
    return this.reads.some((read) => read.holder !== undefined)
  }

  /** See {@link PendingRead.hush}. */
  hush(): void {
    for (const read of this.reads) read.hush?.()
  }

  /** Whether the stream has ended and everything was taken. */
  get isEnded(): boolean {
    return this.hasEnded
  }

  canStart(): boolean {
    return this.reads.length > 0 && !this.isGiving
  }

  offer(item: Item): boolean {
    if (!this.canStart() || ((words[AT] as number) <= 1 && shouldYield() && this.waitsForTurn()))
      return false
    this.start(item)
    return true
  }

  /** Resumes after the event loop has turned, before the consumer gets the next item. */
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
    const read = this.reads[0] as PendingRead
    if (this.commits !== undefined && !this.commits.gives(item, read.holder)) return
    if (this.given++ === 0) this.onFirst?.()
    const { value } = item
    this.itemPool.add(item)
    this.isGiving = true
    const wantsMore = this.timer.isDue(this.given) ? this.giveTimed(read, value) : read.give(value)
    this.isGiving = false
    if (!wantsMore && this.reads[0] === read) {
      this.reads.shift()
      this.waiting.change(this.reads.length > 0 ? 1 : 0)
    }
  }

  private giveTimed(read: PendingRead, value: unknown): boolean {
    const timing = this.timer.begin(this.given)
    const wantsMore = read.give(value)
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

  /** Ends at once and discards queued items. Requests are rejected with `reason`. */
  abort(reason: unknown): void {
    if (this.hasEnded) return
    this.isClosing = true
    this.queue.discard(() => {})
    this.finish({ reason })
  }

  private finish(error: { readonly reason: unknown } | undefined): void {
    this.hasEnded = true
    this.error = error
    const reads = this.reads
    this.reads = []
    this.waiting.change(0)
    for (const read of reads) this.endRead(read)
    this.onRest()
  }

  private endRead(read: PendingRead): void {
    // Every request gets the error, so that a failed pipeline never looks complete.
    if (this.error === undefined) read.end()
    else read.fail(this.error.reason)
  }

  private endEpoch(): void {
    this.epoch++
    const reads = this.reads.filter((read) => read.epoch < this.epoch)
    this.reads = this.reads.filter((read) => read.epoch >= this.epoch)
    this.waiting.change(this.reads.length > 0 ? 1 : 0)
    for (const read of reads) read.end()
  }

  /**
   * Takes the value of a queued item. `undefined`, which is never an item, if there is none. Passes
   * boundaries at the head of the queue, which may end the caller's epoch.
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
    // The caller got no item and will not call `settle`.
    if (hasDropped) this.settle()
    return undefined
  }

  /** Runs a consumer's call that may run code of the stages. */
  inScope<R>(call: () => R): R {
    return this.scope.runInAsyncScope(call)
  }

  /** Called after {@link take}. Lets the sink refill, and checks whether that was the last item. */
  settle(): void {
    const { queue } = this
    const isRefillDue = queue.capacity - queue.length >= queue.refillAt && this.source.length > 0
    // Change the context only if code will run in it, which is seldom the case for every item.
    if (isRefillDue || queue.isClosed) this.time.within(this.refillInScope)
  }

  private readonly refillInScope = (): void => this.scope.runInAsyncScope(this.refill, this)

  private refill(): void {
    if (this.queue.isDrained) this.inputEnded()
    else this.queue.wake()
  }

  /**
   * Called when the consumer returns. It may have computed for long within one burst of microtasks,
   * during which the coarse clock stands still.
   */
  lookAtTime(): void {
    if (--this.unlooked >= 0) return
    const now = exactNow()
    const isSlow = (now - this.lookedAt) / this.stride > SLOW_ITEM_MS
    this.lookedAt = now
    this.stride = isSlow ? 1 : ITEMS_PER_LOOK
    this.unlooked = this.stride - 1
  }

  /** Waits for an item. Called from the consumer's context. */
  await(read: PendingRead): void {
    const { queue } = this
    if (queue.length > 0 || this.hasEnded || queue.isClosed || this.epoch > read.epoch)
      this.scope.runInAsyncScope(this.add, this, read)
    else this.add(read)
  }

  /** Waits for an item. Called in the pipeline's async context. */
  add(read: PendingRead): void {
    if (this.hasEnded) this.endRead(read)
    else if (this.epoch > read.epoch) {
      read.end()
      // A boundary was taken, so its place is free.
      this.refill()
    } else {
      this.reads.push(read)
      this.waiting.change(1)
      this.pump()
    }
  }

  /** Removes a waiting request. The next item goes to others. */
  remove(read: PendingRead): void {
    const at = this.reads.indexOf(read)
    if (at < 0) return
    this.reads.splice(at, 1)
    this.waiting.change(this.reads.length > 0 ? 1 : 0)
  }

  /** A consumer leaves: its pending requests end, so that they take no items from the others. */
  leave(session: object): void {
    const isLeaving = (read: PendingRead): boolean => read.session === session
    const leaving = this.reads.filter(isLeaving)
    if (leaving.length === 0) return
    this.reads = this.reads.filter((read) => !isLeaving(read))
    this.waiting.change(this.reads.length > 0 ? 1 : 0)
    for (const read of leaving) read.end()
    this.onRest()
  }

  /** Gives queued items to the waiting requests. */
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
