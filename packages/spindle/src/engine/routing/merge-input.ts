import { discard, type Item, isBoundary } from '../flow/item.ts'
import type { Consumer, Queue } from '../flow/queue.ts'

/** The stage that a {@link MergeInput} belongs to. */
export interface MergeInputOwner {
  canStart(): boolean
  accept(input: MergeInput, item: Item): void
  /** An input has ended or reached a boundary. */
  inputChanged(): void
}

/**
 * One of several inputs of a stage. It holds back a boundary between epochs until the owner takes
 * it.
 */
export class MergeInput implements Consumer {
  readonly input: Queue
  readonly position: number
  boundary: Item | undefined
  isEnded = false
  /** Whether to skip the rest of the epoch: items are discarded up to the boundary. */
  isSkipping = false
  readonly #owner: MergeInputOwner
  #hasTaken = false

  constructor(input: Queue, position: number, owner: MergeInputOwner) {
    this.input = input
    this.position = position
    this.#owner = owner
    input.consumer = this
  }

  canStart(): boolean {
    return this.boundary === undefined && (this.isSkipping || this.#owner.canStart())
  }

  offer(item: Item): boolean {
    if (!this.canStart()) return false
    this.start(item)
    return true
  }

  private start(item: Item): void {
    if (isBoundary(item)) {
      this.boundary = item
      this.isSkipping = false
      this.#owner.inputChanged()
    } else if (this.isSkipping) {
      this.input.discarded++
      discard(item)
    } else this.#owner.accept(this, item)
  }

  inputEnded(): void {
    if (this.isEnded) return
    this.isEnded = true
    this.#owner.inputChanged()
  }

  /** Takes one item if there is one and the owner can take it. Returns whether it did. */
  takeOne(): boolean {
    if (this.input.length === 0 || !this.canStart()) return false
    this.#hasTaken = true
    this.start(this.input.shift() as Item)
    return true
  }

  /** Discards the queued items of a skipped epoch. */
  skip(): void {
    while (this.isSkipping && this.takeOne());
    this.settle()
  }

  /**
   * Called after {@link takeOne}. Notifies the producer of the room, and checks whether that was
   * the last item.
   */
  settle(): void {
    if (this.input.isDrained) this.inputEnded()
    else if (this.#hasTaken) {
      this.#hasTaken = false
      this.input.wake()
    }
  }
}
