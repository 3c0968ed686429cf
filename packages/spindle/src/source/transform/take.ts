import { checkInteger } from '../../check.ts'
import { checkShard } from '../sampler/shard.ts'
import { expose } from '../seek/expose.ts'
import { planOf, wholePlanOf } from '../seek/plan-of.ts'
import { mapped } from '../seek/seek-plan.ts'
import type { Shard, SourceLike, Transformed } from '../seek/source-types.ts'

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

/**
 * One rank's part of a source: the items at the positions `rank`, `rank + worldSize`, … Every item
 * belongs to one rank, and the sizes of the parts differ by at most one.
 *
 * Orders do not depend on ranks: a transform of a part is that part of the transform of the whole.
 * So a source may be split before or after other transforms. A part can be split again (machines,
 * then processes).
 *
 * @throws `ERR_BAD_OPTION`
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { shuffled, split } from 'spindle/source'
 *
 * const order = [...shuffled(7, { seed: 1 })]
 * assert.deepEqual([...split(shuffled(7, { seed: 1 }), { rank: 1, worldSize: 3 })], [order[1], order[4]])
 * ```
 */
export function split<S extends SourceLike<unknown>>(source: S, shard: Shard): Transformed<S> {
  checkShard(shard)
  const { plan, shard: outer } = planOf<unknown>(source)
  const { rank, worldSize } = shard
  const inner =
    outer === undefined
      ? { rank, worldSize }
      : { rank: outer.rank + outer.worldSize * rank, worldSize: outer.worldSize * worldSize }
  return expose(plan, inner) as Transformed<S>
}
