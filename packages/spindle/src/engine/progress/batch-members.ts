import { type Item, retire } from '../flow/item.ts'

/**
 * The items that an aggregator holds, as far as one can know from outside. Of a batch that is an
 * array of items that were given, the members are those (equal plain values stand for one another);
 * of any other batch, all that was given since the batch before.
 */
export class Members {
  #items: Item[] = []

  add(item: Item): void {
    this.#items.push(item)
  }

  /** An item that the aggregator was not given after all. */
  remove(item: Item): void {
    const at = this.#items.lastIndexOf(item)
    if (at >= 0) this.#items.splice(at, 1)
  }

  /**
   * The members of a batch; they are held no more. `isLast`: nothing is left in the aggregator.
   * `guessed` is called if the batch does not tell, and all that is held is taken.
   */
  take(batch: unknown, isLast: boolean, guessed?: () => void): readonly Item[] {
    const held = this.#items
    const isAll = isLast || (Array.isArray(batch) && this.#areAll(batch))
    const members = isAll || !Array.isArray(batch) ? undefined : this.#among(batch)
    if (members === undefined && !isAll) guessed?.()
    this.#items = members === undefined ? [] : held.filter((item) => !members.has(item))
    const taken = members === undefined ? held : [...members]
    // The batch has them now: the items are only their names.
    for (const item of taken) item.value = undefined
    return taken
  }

  /** The usual case: a batch of all there is, in order. */
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

  /** What is held is thrown away. */
  retireAll(): void {
    const items = this.#items
    this.#items = []
    for (const item of items) retire(item)
  }
}
