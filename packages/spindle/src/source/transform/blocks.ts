import { Rng } from '../../random.ts'
import { KeyedPermutation } from '../permutation.ts'

/** Keeps the keys of blocks apart from those of whole orders. */
const BLOCKS = 0x626c6b73

/**
 * The blocks of an epoch that `shuffleBuffer` puts in order. The first is shorter by chance, so
 * that no two items are always in different ones.
 */
export class Blocks {
  private readonly sourceSize: number
  private readonly blockSize: number
  private readonly seed: number
  private readonly epoch: number
  /** Where the second block begins: 1..`blockSize`. */
  private readonly lead: number
  private last: { readonly start: number; readonly order: KeyedPermutation } | undefined

  constructor(sourceSize: number | undefined, blockSize: number, seed: number, epoch: number) {
    this.sourceSize = sourceSize ?? Number.POSITIVE_INFINITY
    this.blockSize = blockSize
    this.seed = seed
    this.epoch = epoch
    this.lead = 1 + Rng.from(BLOCKS, seed, epoch).int(blockSize)
  }

  /** Where the block of a position begins. */
  startOf(position: number): number {
    const { lead, blockSize } = this
    return position < lead ? 0 : position - ((position - lead) % blockSize)
  }

  /** The position after the last one of the block that begins at `start`. */
  endOf(start: number): number {
    return Math.min(start === 0 ? this.lead : start + this.blockSize, this.sourceSize)
  }

  /** The order of `count` items, the block's that begins at `start`. */
  orderOf(start: number, count: number): KeyedPermutation {
    if (this.last?.start !== start || this.last.order.size !== count)
      this.last = {
        start,
        order: new KeyedPermutation(count, BLOCKS, this.seed, this.epoch, start),
      }
    return this.last.order
  }

  /** The position in the source of what is at `position`; where the source's size is known. */
  sourceOf(position: number): number {
    const start = this.startOf(position)
    return start + this.orderOf(start, this.endOf(start) - start).at(position - start)
  }
}
