import type { Item } from '../../../engine/flow/item.ts'
import type { Consumer, Queue } from '../../../engine/flow/queue.ts'

/** Receives the results of a nested graph. */
export interface ResultReceiver {
  /** Takes a result. Returns whether it counts; results that were given before do not. */
  take(item: Item): boolean
  /** All results before a boundary were given. */
  flushed(): void
  /** No more results will come. */
  ended(): void
}

/** The sink of a nested graph. It takes as many results as the main side has granted. */
export class CreditedSink implements Consumer {
  /**
   * Number of results that may still be sent. Below zero if the results of a batch, which are sent
   * together, exceeded it.
   */
  credit = 0
  readonly #queue: Queue
  readonly #receiver: ResultReceiver
  #hasEnded = false

  constructor(queue: Queue, receiver: ResultReceiver) {
    this.#queue = queue
    this.#receiver = receiver
    queue.consumer = this
  }

  offer(item: Item): boolean {
    if (item.index >= 0 && this.credit <= 0) return false
    this.#take(item)
    return true
  }

  inputEnded(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#receiver.ended()
  }

  grant(results: number): void {
    this.credit += results
    let hasTaken = false
    for (let item = this.#queue.peek(); item !== undefined; item = this.#queue.peek()) {
      if (item.index >= 0 && this.credit <= 0) break
      hasTaken = true
      this.#take(this.#queue.shift() as Item)
    }
    if (this.#queue.isDrained) this.inputEnded()
    else if (hasTaken) this.#queue.wake()
  }

  #take(item: Item): void {
    if (item.index < 0) this.#receiver.flushed()
    else if (this.#receiver.take(item)) this.credit--
  }
}
