import type { Pipeline } from '../../../engine/run/pipeline.ts'
import type { Committed } from '../remote-commits.ts'

/** Items that the worker side has given and the consumer has not committed. */
export class UnackedItems {
  readonly #items: Map<number, { readonly pipeline: Pipeline<unknown>; readonly item: unknown }> =
    new Map()
  #given = 0
  /** All items before this number are committed. */
  #low = 0

  give(pipeline: Pipeline<unknown>, item: unknown): void {
    this.#items.set(this.#given++, { pipeline, item })
  }

  commit({ until, also }: Committed): void {
    for (; this.#low < until; this.#low++) this.#commit(this.#low)
    for (const number of also) this.#commit(number)
  }

  #commit(number: number): void {
    const given = this.#items.get(number)
    if (given === undefined) return
    this.#items.delete(number)
    given.pipeline.commit(given.item)
  }
}
