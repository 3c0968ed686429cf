import { Item, type SourceEpoch } from './item.ts'

/**
 * Items kept at most: more than are on their way between two takings of the consumer, in all but
 * the largest pipelines.
 */
const MOST = 256

/**
 * Items that have gone through, for the source to use again: making an item new, and having each of
 * its slots and queues remember a young object, costs an eighth of the engine's time. Used only
 * where no stage keeps an item beyond its task: chains of plain pipe stages whose ops see no
 * context.
 */
export class ItemPool {
  isUsed = false
  private readonly items: (Item | undefined)[] = new Array(MOST).fill(undefined)
  private length = 0

  /** An item of the source. */
  take(value: unknown, origin: SourceEpoch, index: number): Item {
    if (this.length === 0) return new Item(value, origin, index, undefined)
    const item = this.items[--this.length] as Item
    item.value = value
    item.origin = origin
    item.index = index
    return item
  }

  /** The consumer has had the item's value. */
  add(item: Item): void {
    if (!this.isUsed || item.path !== undefined || this.length === MOST) return
    item.value = undefined
    this.items[this.length++] = item
  }
}
