import { integer, options, type Rules } from '../../options/index.ts'
import { expose } from '../seek/expose.ts'
import { wholePlanOf } from '../seek/plan-of.ts'
import { mapped } from '../seek/seek-plan.ts'
import type { SourceLike, Transformed } from '../seek/source-types.ts'
import { Blocks } from './blocks.ts'
import { orderRules } from './check-transform.ts'
import { pickBlocks } from './pick-blocks.ts'

/** Options of {@link shuffleBuffer}. */
export interface ShuffleBufferOptions {
  /** Maximum number of items that are held, an integer >= 1. */
  readonly size: number
  /** Seed of the random orders, an integer. Default 0. */
  readonly seed?: number
  /**
   * Epoch of the first plain iteration; each epoch has another order. Default 0; `setEpoch` changes
   * it later.
   */
  readonly epoch?: number
}

const bufferOptions = options('ShuffleBufferOptions', {
  size: integer({ min: 1, required: true, unit: 'items' }),
  ...orderRules,
} satisfies Rules<ShuffleBufferOptions>)

/**
 * Shuffles a source within a buffer, for sources that are read in order, such as text files and
 * streams. The epoch is cut into blocks of `size` items, at different positions in each epoch. Each
 * block is shuffled, and every order of it is equally likely. An item therefore moves by less than
 * `size` positions, so shuffle the shards or files as well.
 *
 * The order of a block is computed, so a resumed run needs no saved buffer: beginning at a position
 * reads at most one block again. A rank reads all items of a block only if the size of the source
 * is unknown; otherwise it reads its own items, in order. With a random-access source nothing is
 * held.
 *
 * @throws `ERR_BAD_OPTION`
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { shuffleBuffer } from 'spindle/source'
 *
 * const lines = Array.from({ length: 10 }, (_, i) => `line ${i}`)
 * const order = shuffleBuffer(lines, { size: 4, seed: 1 })
 * assert.deepEqual([...order].toSorted(), lines)
 * assert.deepEqual([...order.iterateFrom(7, 0)], [...order].slice(7))
 * ```
 */
export function shuffleBuffer<S extends SourceLike<unknown>>(
  source: S,
  options: ShuffleBufferOptions,
): Transformed<S> {
  const { size: blockSize, seed, epoch } = bufferOptions.check(options)
  const { plan, shard } = wholePlanOf<unknown>(source)
  return expose<unknown>(
    {
      size: plan.size,
      access: plan.access,
      isAsync: plan.isAsync,
      describe: () => ({ kind: 'shuffleBuffer', size: blockSize, seed, of: plan.describe() }),
      pick(positions, ofEpoch) {
        const blocks = new Blocks(plan.size, blockSize, seed, ofEpoch)
        if (plan.access !== 'random' || plan.size === undefined)
          return pickBlocks(plan, positions, blocks, ofEpoch)
        return plan.pick(
          mapped(positions, (position) => blocks.sourceOf(position)),
          ofEpoch,
        )
      },
    },
    shard,
    epoch,
  ) as Transformed<S>
}
