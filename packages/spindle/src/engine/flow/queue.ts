import { coarseNow, exactNow } from './clock.ts'
import type { Item } from './item.ts'
import { sizeOf } from './size.ts'

/** Takes items from a queue. */
export interface Consumer {
  /** Takes one item (or a boundary between epochs) if it can do so now. Returns whether it did. */
  offer(item: Item): boolean
  /** The queue is closed and empty. */
  inputEnded(): void
  /** Whether each item that it takes causes a call of user code. */
  readonly callsOps?: boolean
}

/** Puts items into a queue. */
export interface Producer {
  /** The consumer has taken an item. */
  roomMade(): void
  /**
   * The consumer needs no more items. The producer stops, cancels its own producers, and aborts
   * running calls if `abort` is true.
   */
  cancel(abort: boolean): void
}

/** How long a queue was in each state, in milliseconds. */
export interface QueueTimes {
  /** The queue was empty. */
  readonly emptyMs: number
  /** The queue was full, or `maxBytes` was reached. */
  readonly fullMs: number
  /** Total waiting time of the items above the capacity. */
  readonly overMs: number
  /** `maxBytes` was reached. */
  readonly bytesFullMs: number
}

/** A consumer with short ways for items; see `PipeStage`. */
export interface Follower {
  /** Whether the shortest way is open now. */
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
 * The exit queue of a stage. Queues are the only links between stages.
 *
 * A ring of items. If nothing is queued, {@link put} hands an item directly to an idle consumer, so
 * that only items that really wait use the ring. The queue does not refuse items: the producer
 * checks {@link length} before it begins work, and holds a slot for each result above `capacity`.
 * The end of the stream is a state ({@link close}), not an item.
 *
 * The queue counts and measures time for all kinds of stages.
 */
export class Queue {
  /** Number of places. Results queued above it still hold their tasks' slots. */
  capacity: number
  readonly maxBytes: number | undefined
  /**
   * Number of free places at which the producer continues. For a long queue it is half of the
   * capacity, so that several items share the cost of waking up all stages before. Short queues,
   * such as the default ones, are refilled at every item. Slots are idle only while half of the
   * queue is ready.
   */
  refillAt: number
  consumer: Consumer = nobody
  /** The consumer, if it is a `PipeStage`, so that producers can skip the virtual `offer` call. */
  follower: Follower | undefined = undefined
  producer: Producer = nobody
  /** Number of queued items, boundaries included. */
  length = 0
  /** Bytes of the queued items. Counted only with `maxBytes`. */
  bytes = 0
  isClosed = false

  /** Items that passed, including those handed over directly. */
  passed = 0
  /** Items discarded because the consumer needed no more. */
  discarded = 0
  mostItems = 0
  mostBytes = 0
  /**
   * With `maxBytes` only: items that were queued, their bytes, and how often the limit was reached.
   */
  sized = 0
  bytesIn = 0
  bytesFullTimes = 0

  private ring: (Item | undefined)[] = new Array(8).fill(undefined)
  /** With `maxBytes`: the counted size of each item, because an item may change while it waits. */
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
  /** With `maxBytes`: how long the limit has been reached, and since when. */
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
   * Sets the number of places. Items queued above it stay. The times so far are added up under the
   * old number.
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

  /** Starts the clock of the statistics. */
  open(): void {
    this.openedAt = exactNow()
  }

  /** Whether the queue has a place for one more result. */
  hasRoom(): boolean {
    return this.length < this.capacity && this.hasRoomInBytes()
  }

  /**
   * Whether `maxBytes`, if set, allows another item. The limit is compared before an item is added,
   * so one item of any size always fits.
   */
  hasRoomInBytes(): boolean {
    return this.maxBytes === undefined || this.bytes < this.maxBytes
  }

  /** Puts an item in, or hands it to an idle consumer at once. */
  put(item: Item): void {
    if (item.index >= 0) this.passed++
    if (this.length === 0 && this.consumer.offer(item)) return
    this.enqueue(item)
  }

  /** Queues an item without offering it to the consumer and without counting it as passed. */
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
   * Adds up how long items above the capacity wait. While they come and go within microseconds,
   * only one change in eight is looked at; its level counts for the whole time since the previous
   * look.
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
   * Takes the oldest item. The producer is not notified: the caller calls {@link wake} once the
   * item is under way.
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

  /** The oldest item. It stays in the queue. */
  peek(): Item | undefined {
    return this.length === 0 ? undefined : this.ring[this.head]
  }

  /** Notifies the producer that there is room. */
  wake(): void {
    this.producer.roomMade()
  }

  /** Whether the queue is closed and empty. */
  get isDrained(): boolean {
    return this.isClosed && this.length === 0
  }

  /** Closes the queue to new items. Queued items can still be taken. */
  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    if (this.length === 0) this.consumer.inputEnded()
  }

  /** Discards the queued items and calls `each` for each of them. */
  discard(each: (item: Item) => void): void {
    for (let item = this.shift(); item !== undefined; item = this.shift()) {
      if (item.index >= 0) this.discarded++
      each(item)
    }
  }

  /** Stops the clock of the statistics. */
  stopClock(): void {
    if (this.endedAt < 0) this.endedAt = exactNow()
  }

  /** The times up to now. */
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
