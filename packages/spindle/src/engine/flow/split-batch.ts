import type { Item, ItemGroup } from './item.ts'

/**
 * One batch whose parts go through the paths of batched variants: knows how many items are still on
 * their way and collects what comes back, so that a path may drop, fail or multiply its part
 * without parts of two batches being mixed up.
 */
export class SplitBatch implements ItemGroup {
  /** The item that was split. */
  readonly batch: Item
  readonly #parts: unknown[][]
  /**
   * Whether a part was thrown away because the pipeline stopped: what is left is not a batch any
   * more.
   */
  isSpoilt = false
  #pending = 0
  readonly #onComplete: () => void

  constructor(batch: Item, paths: number, onComplete: () => void) {
    this.batch = batch
    this.#parts = Array.from({ length: paths }, () => [])
    this.#onComplete = onComplete
  }

  /** Whether nothing is on its way any more. */
  get isComplete(): boolean {
    return this.#pending === 0
  }

  /** One more item is on its way. */
  enter(): void {
    this.#pending++
  }

  /** An item has ended, in the path or at its end. */
  leave(): void {
    this.#pending--
    if (this.#pending === 0) this.#onComplete()
  }

  /** Collects what a path gave. */
  collect(path: number, elements: readonly unknown[]): void {
    // Read as a whole first: an array that cannot be read to its end gives nothing.
    const collected = [...elements]
    const part = this.#parts[path] as unknown[]
    for (const element of collected) part.push(element)
  }

  /** What all paths gave, in path order. */
  join(): unknown[] {
    return this.#parts.flat(1)
  }
}
