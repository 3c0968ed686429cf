import { badOption } from '../../check.ts'
import type { Json } from '../../engine/seekable.ts'
import { choice, is, options, type Rules } from '../../options/index.ts'
import { expose, positionsFrom } from '../seek/expose.ts'
import { readStream } from '../seek/read-stream.ts'
import { type Items, type Plan, weakest } from '../seek/seek-plan.ts'
import type { ItemOf, SourceLike, Transformed } from '../seek/source-types.ts'
import { orderRules } from './check-transform.ts'
import { countsUntilFirstEnd, type MixCursor, MixOrder } from './mix-order.ts'
import { pickMixed } from './pick-mixed.ts'
import { wholePlansOf } from './whole-plans.ts'

/** Options of {@link mix}. */
export interface MixOptions {
  /**
   * Relative share of each source: one number >= 0 per source. A source of weight 0 is left out.
   * Default: sources take turns in strict order.
   */
  readonly weights?: readonly number[]
  /** Seed of the random order, an integer. Default 0. Has no effect without `weights`. */
  readonly seed?: number
  /** Epoch of the first plain iteration. Default 0; `setEpoch` changes it later. */
  readonly epoch?: number
  /**
   * When the mix ends. `'all'` (default): when all sources have ended; ended sources are skipped.
   * `'first'`: at the turn of a source that has ended.
   */
  readonly stop?: 'first' | 'all'
}

const mixOptions = options('MixOptions', {
  weights: is('an array of numbers >= 0, one a source', Array.isArray),
  ...orderRules,
  stop: choice(['first', 'all'], { default: 'all' }),
} satisfies Rules<MixOptions>)

/**
 * Mixes several sources into one: in turn, or with `weights` in random order and exact proportion.
 * Until a source ends, the number of its items at any position is its share to within one item per
 * source. So no part of an epoch has more of one source than another part.
 *
 * The mix is seekable if all sources are seekable and know their sizes: the position in each source
 * is computed. Use `repeat` for sources that must not end. Memory, and time per step, are
 * proportional to the number of sources.
 *
 * @throws `ERR_BAD_OPTION`
 *
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
  const { weights, seed, epoch, stop } = mixOptions.check(options)
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
  /** The order of an epoch that takes `counts` items of each source. */
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

/**
 * For mixes with a source of unknown size: one pass, in which the end of a source is only seen when
 * it is reached.
 */
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
  if (weights.length !== count)
    badOption('weights', `an array of ${count} numbers, one a source`, weights)
  for (const weight of weights as readonly unknown[])
    if (typeof weight !== 'number' || !Number.isFinite(weight) || weight < 0)
      badOption('weights', 'made of finite numbers >= 0', weight)
  if (!weights.some((weight) => weight > 0)) badOption('weights', 'not all 0', weights)
}

/** Settings of a mix of sources whose sizes are unknown. */
interface StreamMixing {
  readonly stop: 'first' | 'all'
  readonly isAsync: boolean
}

/**
 * All items of a mix from the start, for sources whose size is unknown until their end. Reads
 * nothing ahead.
 */
function streamMixed<T>(
  plans: readonly Plan<T>[],
  cursor: MixCursor,
  epoch: number,
  { stop, isAsync }: StreamMixing,
): Items<T> {
  const items = plans.map((plan) => plan.pick(positionsFrom(0, plan.size, undefined), epoch))
  return isAsync ? giveAsync(items, cursor, stop) : giveSync(items as Iterable<T>[], cursor, stop)
}

function* giveSync<T>(
  items: readonly Iterable<T>[],
  cursor: MixCursor,
  stop: 'first' | 'all',
): Generator<T, void, void> {
  const steps = items.map((some) => some[Symbol.iterator]())
  try {
    for (let source = cursor.next(); source !== -1; source = cursor.next()) {
      const step = steps[source]!.next()
      if (step.done !== true) yield step.value
      else if (stop === 'first') return
      else cursor.drop(source)
    }
  } finally {
    for (const some of steps) some.return?.()
  }
}

async function* giveAsync<T>(
  items: readonly Items<T>[],
  cursor: MixCursor,
  stop: 'first' | 'all',
): AsyncGenerator<T, void, void> {
  const steps = items.map((some) =>
    Symbol.asyncIterator in some ? some[Symbol.asyncIterator]() : some[Symbol.iterator](),
  )
  try {
    for (let source = cursor.next(); source !== -1; source = cursor.next()) {
      const step = await steps[source]!.next()
      if (step.done !== true) yield step.value
      else if (stop === 'first') return
      else cursor.drop(source)
    }
  } finally {
    for (const some of steps) await some.return?.()
  }
}
