// Results of {@link ReceiveBuffer.take}.
export const NOTHING = 0
export const ITEM = 1
export const END = 2

/** Items that have arrived and are not taken, and the ends of epochs between them, in order. */
export class ReceiveBuffer {
  /** The item that was taken last. */
  item: unknown
  readonly #report: (taken: number) => void
  #items: unknown[] = []
  #at = 0
  /** What follows the current items: further items, or `undefined` for the end of an epoch. */
  readonly #later: ({ readonly items: unknown[]; readonly refill: number } | undefined)[] = []
  #refill = 1
  /** Whether nothing is kept any more. */
  isClosed = false
  /** Number of items taken since the beginning, and number last reported. */
  #taken = 0
  #reported = 0

  /** `report` reports to the worker side how many items were taken since the beginning. */
  constructor(report: (taken: number) => void) {
    this.#report = report
  }

  add(items: unknown[], refill: number): void {
    if (!this.isClosed) this.#later.push({ items, refill })
  }

  addEnd(): void {
    if (!this.isClosed) this.#later.push(undefined)
  }

  /** Discards the items that are here and all that follow. */
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
    // The reference is cleared, so that a given item can be collected.
    this.#items[this.#at++] = undefined
    this.#taken++
    if (this.#taken - this.#reported >= this.#refill) this.settle()
    return ITEM
  }

  /** Reports what was taken. Must be called before any wait. */
  settle(): void {
    if (this.#taken === this.#reported) return
    this.#reported = this.#taken
    this.#report(this.#taken)
  }
}
