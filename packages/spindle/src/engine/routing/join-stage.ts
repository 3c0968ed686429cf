import { show } from '../../check.ts'
import { SpindleError } from '../../errors.ts'
import { type Item, retire } from '../flow/item.ts'
import type { SplitBatch } from '../flow/split-batch.ts'
import { RUNNING } from '../stages/stage.ts'
import type { MergeInput } from './merge-input.ts'
import { MergeStage } from './merge-stage.ts'

/**
 * Maximum number of batches in the paths at once. It limits the finished batches that wait behind a
 * slow part.
 */
const MOST_OPEN = 16

/**
 * Collects the parts of split batches. Puts the batches out in the order in which they were split.
 */
export class JoinStage extends MergeStage {
  /** Called when another batch may be split. */
  onRoom: () => void = () => {}
  #open: SplitBatch[] = []

  /** Whether another batch may be split. */
  mayOpen(): boolean {
    return this.#open.length < MOST_OPEN
  }

  /** A batch was split. */
  opened(split: SplitBatch): void {
    this.#open.push(split)
  }

  /** Parts can be taken at any time, because they go into their batch and not into the queue. */
  override canStart(): boolean {
    return this.state === RUNNING
  }

  override accept(input: MergeInput, item: Item): void {
    const split = item.path?.split as SplitBatch
    this.tasks++
    try {
      // The array is the user's and may be a Proxy.
      split.collect(input.position, checkPart(item.value, input.position))
    } catch (error) {
      this.fail(error, item.index)
      return
    }
    retire(item)
  }

  /**
   * Called when a batch is complete. Puts complete batches out in order, as far as there is room.
   */
  completed(): void {
    if (this.state !== RUNNING) return
    const before = this.#open.length
    while (this.#open[0]?.isComplete === true && this.exit.hasRoom()) {
      const split = this.#open.shift() as SplitBatch
      const batch = split.batch
      const elements = split.isSpoilt ? [] : split.join()
      if (elements.length === 0) {
        this.counters.skipped++
        retire(batch)
        continue
      }
      batch.value = elements
      this.exit.put(batch)
    }
    if (this.#open.length < before) this.onRoom()
    if (!this.#isHeldUp()) super.inputChanged()
  }

  override pump(): void {
    super.pump()
    this.completed()
  }

  /** A boundary or the end waits for the batches before it. */
  override inputChanged(): void {
    if (!this.#isHeldUp()) super.inputChanged()
    else if (this.#open[0]?.isComplete === true) this.completed()
  }

  /**
   * Whether batches of the current epoch (or of the stream) are still to be put out. Batches of the
   * next epoch may be split already.
   */
  #isHeldUp(): boolean {
    const first = this.#open[0]
    if (first === undefined) return false
    const boundary = this.mergeInputs.find((input) => input.boundary !== undefined)?.boundary
    return boundary === undefined || first.batch.origin.epoch <= boundary.origin.epoch
  }
}

function checkPart(part: unknown, path: number): readonly unknown[] {
  if (Array.isArray(part)) return part
  throw new SpindleError(
    'ERR_ROUTE',
    `a path of batched variants must give arrays, path ${path} gave ${show(part)}`,
  )
}
