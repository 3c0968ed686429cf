import type { Json } from '../../engine/seekable.ts'

/** A synchronous or asynchronous iterable. */
export type Items<T> = Iterable<T> | AsyncIterable<T>

/**
 * The inner form of every source and transform of this folder. It covers the whole source, without
 * ranks, and gives the items at any positions in any order. A transform is thus a rule that turns
 * positions of its result into positions of its source. The positions of a rank are chosen last, so
 * no order depends on the number of ranks.
 */
export interface Plan<T> {
  /**
   * Number of positions per epoch. `Infinity` for an infinite source, `undefined` if it is unknown
   * until the end.
   */
  readonly size: number | undefined
  readonly access: Access
  /** Whether `pick` returns an `AsyncIterable`. */
  readonly isAsync: boolean
  describe(): { readonly [name: string]: Json }
  /**
   * The items at `positions`, in the order of `positions`, which are below `size`. If `size` is
   * unknown, the items end early at a position beyond the end.
   */
  pick(positions: Iterable<number>, epoch: number): Items<T>
}

/**
 * Which positions a plan can give. `'random'`: any, at equal cost. `'sequential'`: any, but
 * ascending ones are much cheaper. `'once'`: only ascending ones, because the source is not
 * seekable.
 */
export type Access = 'random' | 'sequential' | 'once'

/** Whether sources made from the plan can begin anywhere. */
export function isSeekablePlan(plan: Plan<unknown>): boolean {
  return plan.access !== 'once'
}

/** The access of a combination of plans: the most restricted of theirs. */
export function weakest(plans: readonly Plan<unknown>[]): Access {
  if (plans.some((plan) => plan.access === 'once')) return 'once'
  return plans.some((plan) => plan.access === 'sequential') ? 'sequential' : 'random'
}

/** Maps positions lazily. */
export function* mapped(
  positions: Iterable<number>,
  map: (position: number) => number,
): Generator<number, void, void> {
  for (const position of positions) yield map(position)
}
