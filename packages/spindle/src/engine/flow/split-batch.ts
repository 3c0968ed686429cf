import type { Item, SplitParts } from './item.ts'

/**
 * One batch whose parts go through the paths of batched variants. It counts the items that are on
 * their way and collects the results. So a path may drop, fail or multiply its part, and parts of
 * different batches are never mixed.
 */
export class SplitBatch implements SplitParts {
  /** The item that was split. */
  readonly batch: Item
  readonly #parts: unknown[][]
  /**
   * Whether a part was discarded because the pipeline stopped. The remaining parts are no complete
   * batch.
   */
  isSpoilt = false
  #pending = 0
  readonly #onComplete: () => void

  constructor(batch: Item, paths: number, onComplete: () => void) {
    this.batch = batch
    this.#parts = Array.from({ length: paths }, () => [])
    this.#onComplete = onComplete
  }

  /** Whether no item is on its way any more. */
  get isComplete(): boolean {
    return this.#pending === 0
  }

  /** One more item is on its way. */
  enter(): void {
    this.#pending++
  }

  /** An item has ended inside the path or at its end. */
  leave(): void {
    this.#pending--
    if (this.#pending === 0) this.#onComplete()
  }

  /** Collects the results of a path. */
  collect(path: number, elements: readonly unknown[]): void {
    // Copy the whole array first: if reading fails midway, no element is added.
    const collected = [...elements]
    const part = this.#parts[path] as unknown[]
    for (const element of collected) part.push(element)
  }

  /** The results of all paths, in path order. */
  join(): unknown[] {
    return this.#parts.flat(1)
  }
}
