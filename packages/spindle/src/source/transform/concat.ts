import { badOption } from '../../check.ts'
import { expose } from '../seek/expose.ts'
import { pickPieces } from '../seek/pick-pieces.ts'
import { type Plan, weakest } from '../seek/seek-plan.ts'
import type {
  AsyncSource,
  ItemOf,
  SourceLike,
  SyncSource,
  Transformed,
} from '../seek/source-types.ts'
import { wholePlansOf } from './whole-plans.ts'

/**
 * Joins sources one after another into one. All must know their sizes, and only the last may be
 * infinite.
 *
 * @throws `ERR_BAD_OPTION`
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { concat } from 'spindle/source'
 *
 * assert.deepEqual([...concat([['a', 'b'], ['c']]).iterateFrom(1, 0)], ['b', 'c'])
 * ```
 */
export function concat<S extends SourceLike<unknown>>(sources: readonly S[]): Transformed<S> {
  const { plans, shard, isAsync } = wholePlansOf<ItemOf<S>>(sources)
  const starts = [0]
  for (const [index, { size }] of plans.entries()) {
    if (size === undefined || (size === Number.POSITIVE_INFINITY && index < plans.length - 1))
      badOption('sources', 'of known sizes, and all but the last finite', sources[index])
    starts.push(starts[index]! + size)
  }
  const plan: Plan<ItemOf<S>> = {
    size: starts.at(-1)!,
    access: weakest(plans),
    isAsync,
    describe: () => ({ kind: 'concat', of: plans.map((one) => one.describe()) }),
    pick: (positions, epoch) =>
      pickPieces(
        positions,
        (position) => {
          const index = indexOf(starts, position)
          return { plan: plans[index]!, epoch, start: starts[index]!, end: starts[index + 1]! }
        },
        isAsync,
      ),
  }
  return expose(plan, shard) as SyncSource<ItemOf<S>> | AsyncSource<ItemOf<S>> as Transformed<S>
}

/** Index of the last of the ascending `starts` that is at most `position`. */
function indexOf(starts: readonly number[], position: number): number {
  let [low, high] = [0, starts.length - 1]
  while (high - low > 1) {
    const middle = (low + high) >>> 1
    if (starts[middle]! <= position) low = middle
    else high = middle
  }
  return low
}
