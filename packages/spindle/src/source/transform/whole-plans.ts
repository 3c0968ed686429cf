import { badOption } from '../../check.ts'
import { wholePlanOf } from '../seek/plan-of.ts'
import type { Plan } from '../seek/seek-plan.ts'
import type { Shard, SourceLike } from '../seek/source-types.ts'

/** The shard of a single rank. */
const ALL: Shard = { rank: 0, worldSize: 1 }

/** Several sources with a common shard. */
export interface WholePlans<T> {
  readonly plans: readonly Plan<T>[]
  readonly shard: Shard | undefined
  readonly isAsync: boolean
}

/**
 * Gets the plans of sources that are to be combined.
 *
 * @throws `ERR_BAD_OPTION` for an empty list, and for sources of different ranks
 */
export function wholePlansOf<T>(sources: readonly SourceLike<unknown>[]): WholePlans<T> {
  if (!Array.isArray(sources) || sources.length === 0)
    badOption('sources', 'an array of at least one source', sources)
  const seen = sources.map((source) => wholePlanOf<T>(source as SourceLike<T>, 'sources'))
  const [{ shard }] = seen as [(typeof seen)[0]]
  for (const other of seen)
    if (!isSame(other.shard, shard))
      badOption(
        'sources',
        'of one rank and world size (put together first, split last)',
        other.shard,
      )
  return {
    plans: seen.map(({ plan }) => plan),
    shard,
    isAsync: seen.some(({ plan }) => plan.isAsync),
  }
}

function isSame(one: Shard | undefined, other: Shard | undefined): boolean {
  const [a, b] = [one ?? ALL, other ?? ALL]
  return a.rank === b.rank && a.worldSize === b.worldSize
}
