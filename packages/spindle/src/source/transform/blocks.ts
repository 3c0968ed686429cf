import { Rng } from '../../random.ts'
import { KeyedPermutation } from '../permutation.ts'

/** Keeps the random keys of blocks apart from those of whole orders. */
const BLOCKS = 0x626c6b73

/**
 * The blocks of an epoch that `shuffleBuffer` shuffles. The first block has a random length, so
 * that no two neighbouring items are in different blocks in every epoch.
 */
export class Blocks {
  private readonly sourceSize: number
  private readonly blockSize: number
  private readonly seed: number
  private readonly epoch: number
  /** Position at which the second block begins: 1..`blockSize`. */
  private readonly lead: number
  private last: { readonly start: number; readonly order: KeyedPermutation } | undefined

  constructor(sourceSize: number | undefined, blockSize: number, seed: number, epoch: number) {
    this.sourceSize = sourceSize ?? Number.POSITIVE_INFINITY
    this.blockSize = blockSize
    this.seed = seed
    this.epoch = epoch
    this.lead = 1 + Rng.from(BLOCKS, seed, epoch).int(blockSize)
  }

  /** Position at which the block of `position` begins. */
  startOf(position: number): number {
    const { lead, blockSize } = this
    return position < lead ? 0 : position - ((position - lead) % blockSize)
  }

  /** Position after the last one of the block that begins at `start`. */
  endOf(start: number): number {
    return Math.min(start === 0 ? this.lead : start + this.blockSize, this.sourceSize)
  }

  /** Order of the `count` items of the block that begins at `start`. */
  orderOf(start: number, count: number): KeyedPermutation {
    if (this.last?.start !== start || this.last.order.size !== count)
      this.last = {
        start,
        order: new KeyedPermutation(count, BLOCKS, this.seed, this.epoch, start),
      }
    return this.last.order
  }

  /** Position in the source of the item at `position`. The size of the source must be known. */
  sourceOf(position: number): number {
    const start = this.startOf(position)
    return start + this.orderOf(start, this.endOf(start) - start).at(position - start)
  }
}
