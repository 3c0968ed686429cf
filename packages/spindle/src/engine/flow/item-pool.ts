import { Item, type SourceEpoch } from './item.ts'

/**
 * Maximum number of items to keep. Only the largest pipelines have more items on the way between
 * two requests of the consumer.
 */
const MOST = 256

/**
 * Keeps items that have reached the consumer, for the source to reuse. Making a new item, and
 * referring to a young object from each slot and queue, costs an eighth of the engine's time. The
 * pool is used only if no stage keeps an item beyond its task: in chains of plain pipe stages whose
 * ops do not see a context.
 */
export class ItemPool {
  isUsed = false
  private readonly items: (Item | undefined)[] = new Array(MOST).fill(undefined)
  private length = 0

  /** Takes a kept item, or makes one. */
  take(value: unknown, origin: SourceEpoch, index: number): Item {
    if (this.length === 0) return new Item(value, origin, index, undefined)
    const item = this.items[--this.length] as Item
    item.value = value
    item.origin = origin
    item.index = index
    return item
  }

  /** Returns an item after the consumer has taken its value. */
  add(item: Item): void {
    if (!this.isUsed || item.path !== undefined || this.length === MOST) return
    item.value = undefined
    this.items[this.length++] = item
  }
}
