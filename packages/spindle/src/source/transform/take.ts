import { checkInteger } from '../../check.ts'
import { expose } from '../seek/expose.ts'
import { planOf, wholePlanOf } from '../seek/plan-of.ts'
import { mapped } from '../seek/seek-plan.ts'
import type { SourceLike, Transformed } from '../seek/source-types.ts'

/**
 * The first `count` items of each epoch of a source, counted over all ranks.
 *
 * @throws `ERR_BAD_OPTION`
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { skip, take } from 'spindle/source'
 *
 * const letters = ['a', 'b', 'c', 'd']
 * assert.deepEqual([...take(letters, 2)], ['a', 'b'])
 * assert.deepEqual([...skip(letters, 3)], ['d'])
 * ```
 */
export function take<S extends SourceLike<unknown>>(source: S, count: number): Transformed<S> {
  checkInteger('count', count, 0)
  const { plan, shard } = planOf<unknown>(source)
  const size = plan.size === undefined ? undefined : Math.min(plan.size, count)
  return expose<unknown>(
    {
      size: count === 0 ? 0 : size,
      access: plan.access,
      isAsync: plan.isAsync,
      describe: () => ({ kind: 'take', count, of: plan.describe() }),
      // If the size is unknown, positions continue until the source ends.
      pick: (positions, epoch) =>
        plan.pick(size === undefined ? below(positions, count) : positions, epoch),
    },
    shard,
  ) as Transformed<S>
}

/**
 * All items of each epoch of a source except the first `count`. A seekable source does not read the
 * skipped items.
 *
 * @throws `ERR_BAD_OPTION`
 */
export function skip<S extends SourceLike<unknown>>(source: S, count: number): Transformed<S> {
  checkInteger('count', count, 0)
  const { plan, shard } = wholePlanOf<unknown>(source)
  return expose<unknown>(
    {
      size: plan.size === undefined ? undefined : Math.max(0, plan.size - count),
      access: plan.access,
      isAsync: plan.isAsync,
      describe: () => ({ kind: 'skip', count, of: plan.describe() }),
      pick: (positions, epoch) =>
        plan.pick(
          mapped(positions, (position) => position + count),
          epoch,
        ),
    },
    shard,
  ) as Transformed<S>
}

function* below(positions: Iterable<number>, end: number): Generator<number, void, void> {
  for (const position of positions) {
    if (position >= end) return
    yield position
  }
}
