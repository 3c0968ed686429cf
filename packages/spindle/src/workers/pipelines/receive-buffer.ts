// What {@link ReceiveBuffer.take} may find.
export const NOTHING = 0
export const ITEM = 1
export const END = 2

/** Items that have arrived and are not taken, and the ends of epochs between them, in order. */
export class ReceiveBuffer {
  /** What was taken last. */
  item: unknown
  readonly #tell: (taken: number) => void
  #items: unknown[] = []
  #at = 0
  /** What comes after the current items: further ones, or `undefined` for the end of an epoch. */
  readonly #later: ({ readonly items: unknown[]; readonly refill: number } | undefined)[] = []
  #refill = 1
  /** Whether nothing is kept any more. */
  isClosed = false
  /** Items taken since the beginning, and those that were told of. */
  #taken = 0
  #told = 0

  /** `tell` is to let the far side know how many items have been taken since the beginning. */
  constructor(tell: (taken: number) => void) {
    this.#tell = tell
  }

  add(items: unknown[], refill: number): void {
    if (!this.isClosed) this.#later.push({ items, refill })
  }

  addEnd(): void {
    if (!this.isClosed) this.#later.push(undefined)
  }

  /** Throws away what is there and what will come. */
  close(): void {
    this.isClosed = true
    this.#items = []
    this.#at = 0
    this.#later.length = 0
  }

  take(): typeof NOTHING | typeof ITEM | typeof END {
    while (this.#at === this.#items.length) {
      if (this.#later.length === 0) return NOTHING
      const next = this.#later.shift()
      if (next === undefined) return END
      this.#items = next.items
      this.#refill = next.refill
      this.#at = 0
    }
    this.item = this.#items[this.#at]
    // What was given is not kept.
    this.#items[this.#at++] = undefined
    this.#taken++
    if (this.#taken - this.#told >= this.#refill) this.settle()
    return ITEM
  }

  /** Tells what was taken. To be called before any wait. */
  settle(): void {
    if (this.#taken === this.#told) return
    this.#told = this.#taken
    this.#tell(this.#taken)
  }
}
