import type { Item } from '../../../engine/flow/item.ts'
import { type Producer, Queue } from '../../../engine/flow/queue.ts'
import { type Resumable, resumeNextTurn, shouldYield } from '../../../engine/flow/time-slice.ts'

/** Capacity of the queue before the first stage. */
const BUFFER = 2

/**
 * The source of a nested graph. It puts arrived inputs into the queue of the first stage when there
 * is room.
 */
export class InputQueue implements Producer, Resumable {
  readonly queue: Queue = new Queue(BUFFER, undefined)
  readonly #onTaken: () => void
  #pending: Item[] = []
  #isOver = false
  #isResuming = false

  /** `onTaken`: called when the first stage has, or may have, taken an input. */
  constructor(onTaken: () => void) {
    this.#onTaken = onTaken
    this.queue.producer = this
  }

  /** Number of inputs that the first stage has taken. */
  get taken(): number {
    return this.queue.passed - this.queue.length
  }

  get isResting(): boolean {
    return !this.#isResuming
  }

  get isEmpty(): boolean {
    return this.#pending.length === 0 && this.queue.length === 0
  }

  put(item: Item): void {
    if (this.#isOver) return
    this.#pending.push(item)
  }

  pump(): void {
    if (this.#isResuming) return
    while (this.#pending.length > 0 && this.queue.hasRoom()) {
      if (shouldYield()) {
        this.#isResuming = true
        resumeNextTurn(this)
        return
      }
      this.queue.put(this.#pending.shift() as Item)
    }
  }

  resume(): void {
    this.#isResuming = false
    this.pump()
    // The last report is outdated: without a new one, the main side would wait for a worker that is
    // already idle.
    this.#onTaken()
  }

  roomMade(): void {
    this.#onTaken()
    this.pump()
  }

  cancel(): void {
    this.#isOver = true
    this.#pending = []
  }
}
