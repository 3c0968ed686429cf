import { type Item, retire } from '../flow/item.ts'

/**
 * The items that an aggregator holds, as far as this can be known from outside. If a batch is an
 * array of items that the aggregator received, those are its members (equal primitive values are
 * interchangeable). Of any other batch, the members are all items received since the previous
 * batch.
 */
export class Members {
  #items: Item[] = []

  add(item: Item): void {
    this.#items.push(item)
  }

  /** Removes an item that the aggregator did not receive after all. */
  remove(item: Item): void {
    const at = this.#items.lastIndexOf(item)
    if (at >= 0) this.#items.splice(at, 1)
  }

  /**
   * Removes and returns the members of a batch. `isLast`: the aggregator holds nothing more. If the
   * members are unknown, all held items are taken and `guessed` is called.
   */
  take(batch: unknown, isLast: boolean, guessed?: () => void): readonly Item[] {
    const held = this.#items
    const isAll = isLast || (Array.isArray(batch) && this.#areAll(batch))
    const members = isAll || !Array.isArray(batch) ? undefined : this.#among(batch)
    if (members === undefined && !isAll) guessed?.()
    this.#items = members === undefined ? [] : held.filter((item) => !members.has(item))
    const taken = members === undefined ? held : [...members]
    // The batch has the values now. The items only name its members.
    for (const item of taken) item.value = undefined
    return taken
  }

  /** The usual case: the batch contains all held items, in order. */
  #areAll(batch: readonly unknown[]): boolean {
    const items = this.#items
    return batch.length === items.length && batch.every((value, i) => items[i]?.value === value)
  }

  #among(batch: readonly unknown[]): ReadonlySet<Item> | undefined {
    const byValue = new Map<unknown, Item[]>()
    for (const item of this.#items.toReversed()) {
      const same = byValue.get(item.value)
      if (same === undefined) byValue.set(item.value, [item])
      else same.push(item)
    }
    const members = new Set<Item>()
    for (const value of batch) {
      const item = byValue.get(value)?.pop()
      if (item === undefined) return undefined
      members.add(item)
    }
    return members
  }

  /** Retires the held items, because the aggregator has dropped them. */
  retireAll(): void {
    const items = this.#items
    this.#items = []
    for (const item of items) retire(item)
  }
}
