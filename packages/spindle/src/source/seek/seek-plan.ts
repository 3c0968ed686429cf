import type { Json } from '../../engine/seekable.ts'

/** What can be iterated, with or without waiting. */
export type Items<T> = Iterable<T> | AsyncIterable<T>

/**
 * What every source and transform of this folder is inside: whole (of no rank), and asked for any
 * positions in any order. A transform is then a rule that turns positions of the result into
 * positions of its source; which of them are a rank's is decided last, so that no order depends on
 * how many ranks there are.
 */
export interface Plan<T> {
  /**
   * Positions of an epoch. `Infinity` if there is no end, `undefined` if only the end will tell.
   */
  readonly size: number | undefined
  readonly access: Access
  /** Whether `pick` gives an `AsyncIterable`. */
  readonly isAsync: boolean
  describe(): { readonly [name: string]: Json }
  /**
   * The items at `positions`, in the order of `positions`, which are below `size`. Ends early where
   * `size` is not known and a position is beyond the end.
   */
  pick(positions: Iterable<number>, epoch: number): Items<T>
}

/**
 * How a plan may be asked for positions: `'random'`: any, at equal cost each; `'sequential'`: any,
 * but rising ones are much cheaper; `'once'`: only rising ones, for it is no seekable source.
 */
export type Access = 'random' | 'sequential' | 'once'

/** Whether what is made of it can begin anywhere. */
export function isSeekablePlan(plan: Plan<unknown>): boolean {
  return plan.access !== 'once'
}

/** The access of what is read as `plans` are, but only forward where they go only forward. */
export function weakest(plans: readonly Plan<unknown>[]): Access {
  if (plans.some((plan) => plan.access === 'once')) return 'once'
  return plans.some((plan) => plan.access === 'sequential') ? 'sequential' : 'random'
}

/** Goes on with each of `positions` mapped. */
export function* mapped(
  positions: Iterable<number>,
  map: (position: number) => number,
): Generator<number, void, void> {
  for (const position of positions) yield map(position)
}
