import { checkShard } from '../sampler/shard.ts'
import { expose } from '../seek/expose.ts'
import { planOf } from '../seek/plan-of.ts'
import type { Shard, SourceLike, Transformed } from '../seek/source-types.ts'

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
