import { badOption, checkChoice } from '../../check.ts'
import type { Json } from '../../engine/seekable.ts'
import { expose } from '../seek/expose.ts'
import { readStream } from '../seek/read-stream.ts'
import { type Plan, weakest } from '../seek/seek-plan.ts'
import type { ItemOf, SourceLike, Transformed } from '../seek/source-types.ts'
import { checkOrderOptions } from './check-transform.ts'
import { countsUntilFirstEnd, MixOrder } from './mix-order.ts'
import { pickMixed } from './pick-mixed.ts'
import { streamMixed } from './stream-mixed.ts'
import { wholePlansOf } from './whole-plans.ts'

/** Options of {@link mix}. */
export interface MixOptions {
  /**
   * How often each source has its turn, in proportion: numbers >= 0, one a source. A source of
   * weight 0 is left out. Default: one after another, strictly.
   */
  readonly weights?: readonly number[]
  /** Which orders. An integer. Default 0. Without `weights` it has no effect. */
  readonly seed?: number
  /** The epoch that plain iteration begins with. Default 0; `setEpoch` sets it later. */
  readonly epoch?: number
  /**
   * When the mix ends: at the turn of a source that has no more (`'first'`), or when none has more
   * (`'all'`, the default: sources that have ended are passed over).
   */
  readonly stop?: 'first' | 'all'
}

/**
 * Several sources as one: in turn, or with `weights` in random order and exact proportion. After
 * any number of items each source has had its share to within one item for each source (until one
 * ends), so that no part of an epoch has more of one than another.
 *
 * Seekable if all sources are, and know their sizes: where each of them is at a position is
 * computed. `repeat` those that shall not end. Memory and time of a step go with the number of
 * sources.
 *
 * @throws `ERR_BAD_OPTION`
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { mix, repeat, take } from 'spindle/source'
 *
 * assert.deepEqual([...mix([[0, 1, 2], [10], [20, 21, 22]])], [0, 10, 20, 1, 21, 2, 22])
 * assert.deepEqual([...mix([[0, 1, 2], [10], [20, 21, 22]], { stop: 'first' })], [0, 10, 20, 1])
 *
 * const blend = take(mix([repeat(['code']), repeat(['text'])], { weights: [1, 3], seed: 7 }), 1000)
 * assert.equal([...blend].filter((kind) => kind === 'code').length, 250)
 * ```
 */
export function mix<S extends SourceLike<unknown>>(
  sources: readonly S[],
  options: MixOptions = {},
): Transformed<S> {
  checkOrderOptions(options, ['weights', 'seed', 'epoch', 'stop'])
  const { weights, seed = 0, epoch = 0, stop = 'all' } = options
  checkChoice('stop', stop, ['first', 'all'])
  const all = wholePlansOf<ItemOf<S>>(sources)
  if (weights !== undefined) checkWeights(weights, sources.length)
  const isKept = (_: unknown, index: number) => weights === undefined || weights[index] !== 0
  const plans = all.plans.filter(isKept)
  const kept = weights?.filter(isKept)
  const describe = (): { readonly [name: string]: Json } => ({
    kind: 'mix',
    stop,
    ...(kept === undefined ? {} : { weights: kept, seed }),
    of: plans.map((plan) => plan.describe()),
  })
  const orderOf = (ofEpoch: number, counts: readonly number[]) =>
    new MixOrder({ counts, weights: kept, seed, epoch: ofEpoch })
  const mixing = { plans, isAsync: all.isAsync, describe, orderOf, stop, weights: kept }
  return expose(
    plans.every(({ size }) => size !== undefined) ? sized(mixing) : streamed(mixing),
    all.shard,
    epoch,
  ) as unknown as Transformed<S>
}

interface Mixing<T> {
  readonly plans: readonly Plan<T>[]
  readonly isAsync: boolean
  readonly weights: readonly number[] | undefined
  readonly stop: 'first' | 'all'
  describe(): { readonly [name: string]: Json }
  /** The order of an epoch in which `counts` items of each source are wanted. */
  orderOf(epoch: number, counts: readonly number[]): MixOrder
}

function sized<T>({ plans, isAsync, describe, orderOf, stop, weights }: Mixing<T>): Plan<T> {
  const sizes = plans.map(({ size }) => size!)
  const counts = stop === 'all' ? sizes : countsUntilFirstEnd(sizes, weights)
  return {
    size: counts.reduce((sum, count) => sum + count, 0),
    access: weakest(plans),
    isAsync,
    describe,
    pick: (positions, epoch) =>
      pickMixed(plans, positions, orderOf(epoch, counts).cursor(), epoch, isAsync),
  }
}

/** Where one of the sources has no known size: in one pass, and ends are seen when they come. */
function streamed<T>({ plans, isAsync, describe, orderOf, stop }: Mixing<T>): Plan<T> {
  const endless = plans.map(() => Number.POSITIVE_INFINITY)
  return {
    size: undefined,
    access: 'once',
    isAsync,
    describe,
    pick(positions, epoch) {
      const open = () =>
        streamMixed(plans, orderOf(epoch, endless).cursor(), epoch, { stop, isAsync })
      return readStream(positions, { open, step: 1, isAsync, mayReopen: false })
    },
  }
}

function checkWeights(weights: readonly number[], count: number): void {
  if (!Array.isArray(weights) || weights.length !== count)
    badOption('weights', `an array of ${count} numbers, one a source`, weights)
  for (const weight of weights as readonly unknown[])
    if (typeof weight !== 'number' || !Number.isFinite(weight) || weight < 0)
      badOption('weights', 'made of finite numbers >= 0', weight)
  if (!weights.some((weight) => weight > 0)) badOption('weights', 'not all 0', weights)
}
