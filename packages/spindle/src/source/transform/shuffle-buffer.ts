import { checkInteger } from '../../check.ts'
import { expose } from '../seek/expose.ts'
import { wholePlanOf } from '../seek/plan-of.ts'
import { mapped } from '../seek/seek-plan.ts'
import type { SourceLike, Transformed } from '../seek/source-types.ts'
import { Blocks } from './blocks.ts'
import { checkOrderOptions } from './check-transform.ts'
import { pickBlocks } from './pick-blocks.ts'

/** Options of {@link shuffleBuffer}. */
export interface ShuffleBufferOptions {
  /** Most items that are held at a time. An integer >= 1. */
  readonly size: number
  /** Which orders. An integer. Default 0. */
  readonly seed?: number
  /**
   * The epoch that plain iteration begins with: each has another order. Default 0; `setEpoch` sets
   * it later.
   */
  readonly epoch?: number
}

/**
 * A source shuffled within a buffer: for what is read in order, as text files and streams are. The
 * epoch is cut into blocks of `size` items, at other places each epoch, and each block is put in
 * random order, every order equally likely. So an item moves by less than `size` positions; shuffle
 * the shards or files as well.
 *
 * Blocks have an order that is computed, so nothing of what was in the buffer is needed to go on:
 * beginning at a position reads at most one block again. A rank reads all of its source's block
 * only where the size is not known; otherwise its own items, in order. Of a source with random
 * access nothing is held.
 *
 * @throws `ERR_BAD_OPTION`
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
  checkOrderOptions(options, ['size', 'seed', 'epoch'])
  const { size: blockSize, seed = 0, epoch = 0 } = options
  checkInteger('size', blockSize, 1)
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
