import type { Item } from '../../engine/flow/item.ts'
import type { Queue } from '../../engine/flow/queue.ts'
import type { RegionWorker } from './region-worker.ts'

/** How far inputs may be ahead of the first that is not done, in input order. */
const LONGEST_SPAN = 1024

interface Placed {
  readonly item: Item
  /** Whose result it is, and who may send another once it has found its place. */
  readonly worker: RegionWorker | undefined
}

/** What happens at the place of one input. */
interface Entry {
  readonly events: (Placed | (() => void))[]
  isDone: boolean
}

/**
 * What the workers of a region give, on its way into the exit queue: at once or, in input order,
 * when all that came of the inputs before has been given. Bounded, for a worker sends no more than
 * it was granted, and in input order no input goes out that is too far ahead.
 */
export class RegionOutputs {
  readonly #exit: Queue
  readonly #entries: Map<number, Entry> | undefined
  /** In input order: the first input that is not done. */
  #low = 0
  #isReleasing = false
  /** What waits for a place in the exit queue. */
  #waiting: Placed[] = []
  #isPlacing = false

  constructor(exit: Queue, isOrdered: boolean) {
    this.#exit = exit
    this.#entries = isOrdered ? new Map() : undefined
  }

  /** Whether all has had its turn: nothing waits for what comes of earlier inputs. */
  get isInTurn(): boolean {
    return this.#entries === undefined || this.#entries.size === 0
  }

  /** Whether all has found its place. */
  get isEmpty(): boolean {
    return this.isInTurn && this.#waiting.length === 0
  }

  /** Input order: the input that all others wait for, if `next` is too far ahead of it. */
  blockedBy(next: number): number | undefined {
    return this.#entries !== undefined && next - this.#low >= LONGEST_SPAN ? this.#low : undefined
  }

  /** An input is sent for the first time. */
  open(seq: number): void {
    this.#entries?.set(seq, { events: [], isDone: false })
  }

  /**
   * Gives a result at the place of an input; at once, if it is of none that is still unfinished.
   */
  give(seq: number | undefined, item: Item, worker: RegionWorker): void {
    this.#happens(seq, { item, worker })
  }

  /** Has something done when it is the input's turn. */
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

  /** The boundary between two epochs, after all that is here. */
  boundary(item: Item): void {
    if (this.#waiting.length > 0) this.#waiting.push({ item, worker: undefined })
    else this.#exit.put(item)
  }

  /** Fills the room that has been made in the exit queue. */
  roomMade(): void {
    // What is put may come back here, when the consumer asks for more: the outer loop goes on with
    // it.
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

  /** Forgets what waits for its turn; what waits for a place only stays. */
  clearEntries(): void {
    this.#entries?.clear()
  }

  /** Forgets everything; `each` is told of it. */
  clear(each: (item: Item) => void): void {
    this.clearEntries()
    const waiting = this.#waiting
    this.#waiting = []
    for (const { item } of waiting) each(item)
  }
}
