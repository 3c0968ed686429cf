import type { Item } from '../../engine/flow/item.ts'
import type { Queue } from '../../engine/flow/queue.ts'
import type { RegionWorker } from './region-worker.ts'

/** How many inputs may follow the first unfinished one, in input order. */
const LONGEST_SPAN = 1024

interface Placed {
  readonly item: Item
  /** The worker of the result, which may send another when this one has its place. */
  readonly worker: RegionWorker | undefined
}

/** What happens at the place of one input. */
interface Entry {
  readonly events: (Placed | (() => void))[]
  isDone: boolean
}

/**
 * Passes the results of a region's workers to the exit queue: at once, or in input order when all
 * results of earlier inputs were given. It is bounded: a worker sends no more results than it was
 * granted. In input order, no input is sent that is too far ahead.
 */
export class RegionOutputs {
  readonly #exit: Queue
  readonly #entries: Map<number, Entry> | undefined
  /** In input order: number of the first unfinished input. */
  #low = 0
  #isReleasing = false
  /** Results that wait for room in the exit queue. */
  #waiting: Placed[] = []
  #isPlacing = false

  constructor(exit: Queue, isOrdered: boolean) {
    this.#exit = exit
    this.#entries = isOrdered ? new Map() : undefined
  }

  /** Whether no result waits for results of earlier inputs. */
  get isInTurn(): boolean {
    return this.#entries === undefined || this.#entries.size === 0
  }

  /** Whether no result waits at all. */
  get isEmpty(): boolean {
    return this.isInTurn && this.#waiting.length === 0
  }

  /** In input order, if `next` is too far ahead: the input that all others wait for. */
  blockedBy(next: number): number | undefined {
    return this.#entries !== undefined && next - this.#low >= LONGEST_SPAN ? this.#low : undefined
  }

  /** Called when an input is sent for the first time. */
  open(seq: number): void {
    this.#entries?.set(seq, { events: [], isDone: false })
  }

  /** Gives a result at the place of an input, or at once if `seq` is `undefined`. */
  give(seq: number | undefined, item: Item, worker: RegionWorker): void {
    this.#happens(seq, { item, worker })
  }

  /** Runs an action when it is the input's turn. */
  atTurn(seq: number | undefined, action: () => void): void {
    this.#happens(seq, action)
  }

  done(seq: number): void {
    const entry = this.#entries?.get(seq)
    if (entry === undefined) return
    entry.isDone = true
    if (seq === this.#low) this.#release()
  }

  #happens(seq: number | undefined, event: Placed | (() => void)): void {
    if (this.#entries === undefined || seq === undefined) this.#meet(event)
    else {
      this.#entries.get(seq)?.events.push(event)
      if (seq === this.#low) this.#release()
    }
  }

  #meet(event: Placed | (() => void)): void {
    if (typeof event === 'function') event()
    else if (this.#waiting.length > 0 || !this.#exit.hasRoom()) this.#waiting.push(event)
    else this.#place(event)
  }

  #release(): void {
    if (this.#isReleasing) return
    this.#isReleasing = true
    for (let entry = this.#entries?.get(this.#low); entry !== undefined; ) {
      for (let event = entry.events.shift(); event !== undefined; event = entry.events.shift())
        this.#meet(event)
      if (!entry.isDone) break
      this.#entries?.delete(this.#low)
      this.#low++
      entry = this.#entries?.get(this.#low)
    }
    this.#isReleasing = false
  }

  /** Passes on the boundary between two epochs, after all waiting results. */
  boundary(item: Item): void {
    if (this.#waiting.length > 0) this.#waiting.push({ item, worker: undefined })
    else this.#exit.put(item)
  }

  /** Fills the room in the exit queue. */
  roomMade(): void {
    // `put` may call this again, when the consumer requests more; the outer loop then continues.
    if (this.#isPlacing) return
    this.#isPlacing = true
    while (this.#waiting.length > 0 && this.#exit.hasRoom())
      this.#place(this.#waiting.shift() as Placed)
    this.#isPlacing = false
  }

  #place({ item, worker }: Placed): void {
    this.#exit.put(item)
    worker?.resultPlaced()
  }

  /** Discards results that wait for their turn, but not those that only wait for room. */
  clearEntries(): void {
    this.#entries?.clear()
  }

  /** Discards everything; `each` is called with each item. */
  clear(each: (item: Item) => void): void {
    this.clearEntries()
    const waiting = this.#waiting
    this.#waiting = []
    for (const { item } of waiting) each(item)
  }
}
