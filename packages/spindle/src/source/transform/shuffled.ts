import { badOption, checkInteger } from '../../check.ts'
import { options, type Rules } from '../../options/index.ts'
import { KeyedPermutation } from '../permutation.ts'
import { expose } from '../seek/expose.ts'
import { wholePlanOf } from '../seek/plan-of.ts'
import { mapped, type Plan } from '../seek/seek-plan.ts'
import type { Shard, SourceLike, SyncSource, Transformed } from '../seek/source-types.ts'
import { orderRules } from './check-transform.ts'

/** Options of {@link shuffled}. */
export interface ShuffledOptions {
  /** Seed of the random orders, an integer. Default 0. */
  readonly seed?: number
  /**
   * Epoch of the first plain iteration; each epoch has another order. Default 0; `setEpoch` changes
   * it later.
   */
  readonly epoch?: number
}

const shuffledOptions = options('ShuffledOptions', orderRules satisfies Rules<ShuffledOptions>)

/**
 * All items of a source, or the numbers 0, 1, … `size` - 1, in random order. Every order is equally
 * likely, and each epoch has another one. The order is computed, not stored
 * ({@link KeyedPermutation}), so it needs no preparation and can begin anywhere.
 *
 * Items are read at random positions. If reading in order is much cheaper, as in text files, use
 * `shuffleBuffer`, which shuffles less well but is faster.
 *
 * @param source a size (1..2^53), an array, or a seekable source whose size is known
 * @throws `ERR_BAD_OPTION`
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { shuffled } from 'spindle/source'
 *
 * const order = shuffled(1e9, { seed: 7 })
 * const [first] = order
 * assert.equal(order.size, 1e9)
 * assert.equal([...order.iterateFrom(999_999_990, 0)].length, 10)
 * order.setEpoch(1)
 * const [other] = order
 * assert.notEqual(other, first)
 * ```
 */
export function shuffled(size: number, options?: ShuffledOptions): SyncSource<number>
export function shuffled<S extends SourceLike<unknown>>(
  source: S,
  options?: ShuffledOptions,
): Transformed<S>
export function shuffled(
  source: number | SourceLike<unknown>,
  options: ShuffledOptions = {},
): unknown {
  const { seed, epoch } = shuffledOptions.check(options)
  const { plan, shard }: { plan: Plan<unknown>; shard: Shard | undefined } =
    typeof source === 'number' ? { plan: rangeOf(source), shard: undefined } : wholePlanOf(source)
  const { size } = plan
  if (size === undefined || size > 2 ** 53)
    badOption('source', 'of a known size of at most 2^53 (`shuffleBuffer` needs no size)', source)
  return expose<unknown>(
    {
      size,
      access: plan.access,
      isAsync: plan.isAsync,
      describe: () => ({ kind: 'shuffled', seed, of: plan.describe() }),
      pick(positions, ofEpoch) {
        const order = new KeyedPermutation(Math.max(size, 1), seed, ofEpoch)
        return plan.pick(
          mapped(positions, (position) => order.at(position)),
          ofEpoch,
        )
      },
    },
    shard,
    epoch,
  )
}

/**
 * The numbers 0, 1, … `size` - 1.
 *
 * @throws `ERR_BAD_OPTION`
 */
function rangeOf(size: number): Plan<number> {
  checkInteger('size', size, 1)
  return {
    size,
    access: 'random',
    isAsync: false,
    describe: () => ({ kind: 'range', size }),
    pick: (positions) => positions,
  }
}
