import { badOption } from '../../check.ts'
import type { Aggregator } from '../types.ts'

/** Checks that a value is an aggregator. */
export function checkedAggregator(
  aggregator: Aggregator<unknown, unknown>,
  where: string | undefined,
): Aggregator<unknown, unknown> {
  if (typeof aggregator?.accumulate !== 'function' || typeof aggregator.flush !== 'function') {
    badOption(
      'aggregator',
      'a function that makes an object with accumulate() and flush()',
      aggregator,
      where,
    )
  }
  return aggregator
}
