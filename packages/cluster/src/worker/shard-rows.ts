import type { SeekableSource } from 'spindle/source'
import type { ShardRange } from '../contract/progress.ts'

/**
 * The rows of one lease. The end may come nearer while the source is read: the holder of a shard
 * gives its upper rows away without a stop. Positions are those of the whole shard, so that random
 * numbers of a row do not depend on splits.
 */
export class ShardRows {
  readonly #start: number
  #end: number
  /** The row after the last one that was read. */
  #next: number
  /** Number of rows of the source, if it is known. */
  #size: number | undefined
  #isUsed = false

  constructor({ start, end = Number.POSITIVE_INFINITY }: ShardRange) {
    this.#start = start
    this.#end = end
    this.#next = start
  }

  /** Limits a source to the rows. */
  of<T>(source: SeekableSource<T>): SeekableSource<T> {
    this.#isUsed = true
    this.#size = source.size
    return {
      size: undefined,
      description: source.description,
      ...(source.shard !== undefined && { shard: source.shard }),
      iterateFrom: (position, epoch) => {
        const from = Math.max(position, this.#start)
        return this.#rows(source.iterateFrom(from, epoch), from)
      },
    }
  }

  async *#rows<T>(
    items: Iterable<T> | AsyncIterable<T>,
    from: number,
  ): AsyncGenerator<T, void, void> {
    let row = from
    if (row >= this.#end) return
    for await (const item of items) {
      this.#next = ++row
      yield item
      if (row >= this.#end) return
    }
  }

  /**
   * The row at which the rest is halved; `undefined` if it cannot be split.
   *
   * @param align the row is a multiple of it
   */
  middle(align: number): number | undefined {
    const end = Math.min(this.#end, this.#size ?? Number.POSITIVE_INFINITY)
    if (!this.#isUsed || end === Number.POSITIVE_INFINITY) return undefined
    // The reader may be at the next row already.
    const from = this.#next + 1
    const at = Math.ceil((from + (end - from) / 2) / align) * align
    return at > from && at < end ? at : undefined
  }

  /** Lets the rows end at an earlier row. */
  endAt(row: number): void {
    this.#end = Math.min(this.#end, row)
  }
}
