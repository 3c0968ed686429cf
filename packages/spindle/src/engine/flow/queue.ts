import { coarseNow, exactNow } from './clock.ts'
import type { Item } from './item.ts'
import { sizeOf } from './size.ts'

/** What takes items from a queue. */
export interface Consumer {
  /** Takes one item (or a boundary between epochs) if it can do so now; whether it has. */
  offer(item: Item): boolean
  /** Nothing more will come: the queue is closed and empty. */
  inputEnded(): void
  /** Whether code of the user's is called with each item that it takes. */
  readonly callsOps?: boolean
}

/** What puts items into a queue. */
export interface Producer {
  /** The consumer has taken something. */
  roomMade(): void
  /**
   * The consumer wants nothing more: stop, tell whoever is upstream, and abort running calls if
   * `abort` says so.
   */
  cancel(abort: boolean): void
}

/** How long a queue was in which state, in milliseconds. */
export interface QueueTimes {
  /** Nothing was queued. */
  readonly emptyMs: number
  /** No place was free, or `maxBytes` was reached. */
  readonly fullMs: number
  /** How long items above the capacity have waited, together. */
  readonly overMs: number
  /** `maxBytes` was reached. */
  readonly bytesFullMs: number
}

/** A consumer that takes items by short ways; see `PipeStage`. */
export interface Follower {
  /** Whether it may take the very short way now. */
  readonly isFast: boolean
  canStart(): boolean
  canStartFast(): boolean
  start(item: Item): void
  callFast(item: Item): void
  takeLater(item: Item): void
}

const nobody: Consumer & Producer = {
  offer: () => false,
  inputEnded: () => {},
  roomMade: () => {},
  cancel: () => {},
}

function refillOf(capacity: number): number {
  return capacity > 8 ? capacity >> 1 : 1
}

const CHANGES_PER_LOOK = 8
const SLOW_CHANGE_MS = 0.05

/**
 * The exit queue of a stage, and the only thing that joins two stages.
 *
 * A ring of items. {@link put} hands an item straight to an idle consumer when nothing is queued,
 * so that the ring serves only items that really wait. The queue does not refuse items: the
 * producer looks at {@link length} before it begins work, and holds a slot for each result above
 * `capacity`. The end of the stream is a state ({@link close}), not an item.
 *
 * Counts and times are kept here, in the one place that all stages share, so they are right for
 * every kind of stage.
 */
export class Queue {
  /** Places; what is queued beyond them still holds its task's slot. */
  capacity: number
  readonly maxBytes: number | undefined
  /**
   * Free places at which a producer goes on: half of a long queue, so that what follows (a chain of
   * wake-ups up to the source) is shared by several items. Short queues, as the default ones, are
   * refilled at every item. Slots are idle only while half of the queue is ready.
   */
  refillAt: number
  consumer: Consumer = nobody
  /**
   * The consumer, if it is a pipe stage: the usual case, for which so producers skip a virtual
   * call.
   */
  follower: Follower | undefined = undefined
  producer: Producer = nobody
  /** Items queued, boundaries included. */
  length = 0
  /** Bytes of the items queued; kept only with `maxBytes`. */
  bytes = 0
  isClosed = false

  /** Items that have gone through, those handed over directly included. */
  passed = 0
  /** Items thrown away because the consumer did not want them any more. */
  discarded = 0
  mostItems = 0
  mostBytes = 0
  /**
   * Items that were queued, and their bytes; kept only with `maxBytes`, and so is how often that
   * was reached.
   */
  sized = 0
  bytesIn = 0
  bytesFullTimes = 0

  private ring: (Item | undefined)[] = new Array(8).fill(undefined)
  /** With `maxBytes`: what each item was counted with, for an item may change while it waits. */
  private sizes: number[] = []
  private mask = 7
  private head = 0
  private openedAt = -1
  private endedAt = -1
  private fullMs = 0
  private fullSince = -1
  private overMs = 0
  private overSince = -1
  private unlooked = 0
  /** With `maxBytes`: how long that has been reached, and since when. */
  private bytesFullMs = 0
  private bytesFullSince = -1
  private filledMs = 0
  private filledSince = -1

  constructor(capacity: number, maxBytes: number | undefined) {
    this.capacity = capacity
    this.refillAt = refillOf(capacity)
    this.maxBytes = maxBytes
  }

  /**
   * Sets the number of places. What is queued beyond them stays; the times so far are summed up
   * under the old number.
   */
  resize(capacity: number): void {
    const now = coarseNow()
    if (this.length >= this.capacity) {
      this.fullMs += Math.max(0, now - this.fullSince)
      this.overMs += (this.length - this.capacity) * Math.max(0, now - this.overSince)
    }
    this.capacity = capacity
    this.refillAt = refillOf(capacity)
    this.fullSince = this.overSince = now
    this.unlooked = 0
  }

  /** Starts the clock of the queue's statistics. */
  open(): void {
    this.openedAt = exactNow()
  }

  /** Whether a result put now would have a place. */
  hasRoom(): boolean {
    return this.length < this.capacity && this.hasRoomInBytes()
  }

  /**
   * Whether the bound on bytes, if there is one, lets another item in. One item always has a place,
   * however large.
   */
  hasRoomInBytes(): boolean {
    return this.maxBytes === undefined || this.bytes < this.maxBytes
  }

  /** Puts an item in, or hands it to the consumer at once. */
  put(item: Item): void {
    if (item.index >= 0) this.passed++
    if (this.length === 0 && this.consumer.offer(item)) return
    this.enqueue(item)
  }

  /** Has an item wait. {@link put} without the look at the consumer, and without counting. */
  enqueue(item: Item): void {
    if (this.length > this.mask) this.grow()
    const at = (this.head + this.length) & this.mask
    this.ring[at] = item
    if (this.length > this.capacity) this.lookAtExcess()
    this.length++
    if (this.maxBytes !== undefined) this.addBytes(item, at)
    if (this.length > this.mostItems) this.mostItems = this.length
    if (this.length === 1) this.filledSince = coarseNow()
    if (this.length === this.capacity) this.fullSince = this.overSince = coarseNow()
  }

  /**
   * Sums up how long items above the capacity wait. While they come and go within microseconds one
   * change in eight is looked at, and its number stands for the time since the look before.
   */
  private lookAtExcess(): void {
    if (--this.unlooked >= 0) return
    const now = coarseNow()
    const passedMs = now - this.overSince
    this.overMs += (this.length - this.capacity) * passedMs
    this.overSince = now
    this.unlooked = passedMs > SLOW_CHANGE_MS ? 0 : CHANGES_PER_LOOK - 1
  }

  /**
   * Takes the oldest item. The producer is not told: the caller does that with {@link wake} once
   * the item is under way.
   */
  shift(): Item | undefined {
    if (this.length === 0) return undefined
    const at = this.head
    const item = this.ring[at] as Item
    this.ring[at] = undefined
    this.head = (at + 1) & this.mask
    if (this.length === this.capacity) this.fullMs += coarseNow() - this.fullSince
    else if (this.length > this.capacity) this.lookAtExcess()
    this.length--
    if (this.length === 0) this.filledMs += coarseNow() - this.filledSince
    if (this.maxBytes !== undefined) this.takeBytes(at)
    return item
  }

  /** The oldest item, left where it is. */
  peek(): Item | undefined {
    return this.length === 0 ? undefined : this.ring[this.head]
  }

  /** Tells the producer that there is room for more. */
  wake(): void {
    this.producer.roomMade()
  }

  /** Whether nothing is queued and nothing will be. */
  get isDrained(): boolean {
    return this.isClosed && this.length === 0
  }

  /** No more items. What is queued can still be taken. */
  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    if (this.length === 0) this.consumer.inputEnded()
  }

  /** Throws away what is queued, telling `each` of every item. */
  discard(each: (item: Item) => void): void {
    for (let item = this.shift(); item !== undefined; item = this.shift()) {
      if (item.index >= 0) this.discarded++
      each(item)
    }
  }

  /** Stops the clock of the queue's statistics. */
  stopClock(): void {
    if (this.endedAt < 0) this.endedAt = exactNow()
  }

  /** The queue's times up to now. */
  times(): QueueTimes {
    if (this.openedAt < 0) return { emptyMs: 0, fullMs: 0, overMs: 0, bytesFullMs: 0 }
    const now = this.endedAt >= 0 ? this.endedAt : exactNow()
    const since = (at: number): number => Math.max(0, now - at)
    const filledMs = this.filledMs + (this.length > 0 ? since(this.filledSince) : 0)
    const placesFullMs = this.fullMs + (this.length >= this.capacity ? since(this.fullSince) : 0)
    const above = Math.max(0, this.length - this.capacity)
    const overMs = this.overMs + above * since(this.overSince)
    const bytesFullMs =
      this.bytesFullMs + (this.bytesFullSince >= 0 ? since(this.bytesFullSince) : 0)
    const emptyMs = Math.max(0, now - this.openedAt - filledMs)
    return { emptyMs, fullMs: Math.max(placesFullMs, bytesFullMs), overMs, bytesFullMs }
  }

  private addBytes(item: Item, at: number): void {
    const size = sizeOf(item.value)
    this.sizes[at] = size
    this.bytes += size
    if (this.bytes > this.mostBytes) this.mostBytes = this.bytes
    this.bytesIn += size
    this.sized++
    if (this.bytesFullSince >= 0 || this.hasRoomInBytes()) return
    this.bytesFullSince = coarseNow()
    this.bytesFullTimes++
  }

  private takeBytes(at: number): void {
    this.bytes -= this.sizes[at] as number
    if (this.bytesFullSince < 0 || !this.hasRoomInBytes()) return
    this.bytesFullMs += coarseNow() - this.bytesFullSince
    this.bytesFullSince = -1
  }

  private grow(): void {
    const size = this.ring.length
    const grown: (Item | undefined)[] = new Array(size * 2).fill(undefined)
    for (let i = 0; i < this.length; i++) grown[i] = this.ring[(this.head + i) & this.mask]
    this.ring = grown
    if (this.maxBytes !== undefined)
      this.sizes = Array.from(
        { length: this.length },
        (_, i) => this.sizes[(this.head + i) & this.mask] as number,
      )
    this.head = 0
    this.mask = size * 2 - 1
  }
}
