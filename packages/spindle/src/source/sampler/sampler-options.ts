import { badOption, checkCount, checkInteger, checkOptions } from '../../check.ts'
import { checkSeed } from '../transform/check-transform.ts'
import { positiveOf } from './draws.ts'
import { checkShard } from './shard.ts'

/** Options of `DistributedSampler`. */
export interface DistributedSamplerOptions {
  /** Which of the ranks this is, 0 <= `rank` < `worldSize`. Default 0. */
  readonly rank?: number
  /** How many ranks there are, >= 1. Default 1. */
  readonly worldSize?: number
  /**
   * Which random orders, or draws. An integer. Default 0. Without `shuffle`, `weights` or
   * `replacement` it has no effect.
   */
  readonly seed?: number
  /**
   * The epoch that plain iteration begins with, an integer >= 0. Default 0; `setEpoch` sets it
   * later.
   */
  readonly epoch?: number
  /**
   * In random order, another one each epoch, instead of 0, 1, 2, … Default false, or true where
   * `weights` or `replacement` say so.
   */
  readonly shuffle?: boolean
  /** Leave out the last positions that not all ranks would have. Default false. */
  readonly dropLast?: boolean
  /**
   * Begin the epoch again, for as many positions as are missing for all ranks to have equally many.
   * Default false. Not with `dropLast`.
   */
  readonly padding?: boolean
  /**
   * How likely each index is, in proportion: `size` finite numbers >= 0, not all 0. An index of
   * weight 0 is never drawn.
   */
  readonly weights?: ArrayLike<number>
  /**
   * How many are drawn an epoch, over all ranks. An integer >= 1. Default `size`; for `weights`
   * without replacement the number of those above 0. Without replacement not more than that.
   */
  readonly numDraws?: number
  /**
   * Draw each time from all, so that an index may come more than once. Default true with `weights`,
   * otherwise false.
   */
  readonly replacement?: boolean
}

/** Options, checked and filled in. */
export interface SamplerPlan {
  readonly size: number
  readonly rank: number
  readonly worldSize: number
  readonly seed: number
  readonly epoch: number
  readonly kind: 'sequential' | 'permutation' | 'draws' | 'weighted draws' | 'weighted order'
  readonly padding: boolean
  readonly dropLast: boolean
  readonly weights: ArrayLike<number> | undefined
  /** Positions before any is dropped or added. */
  readonly numDraws: number
}

const NAMES = [
  'rank',
  'worldSize',
  'seed',
  'epoch',
  'shuffle',
  'dropLast',
  'padding',
  'weights',
  'numDraws',
  'replacement',
]

/** @throws `ERR_BAD_OPTION`, naming the rule */
export function samplerPlan(size: number, options: DistributedSamplerOptions): SamplerPlan {
  checkInteger('size', size, 1)
  if (size > 2 ** 53) badOption('size', 'an integer <= 2^53', size)
  checkOptions(options, NAMES)
  const {
    rank = 0,
    worldSize = 1,
    seed = 0,
    epoch = 0,
    dropLast = false,
    padding = false,
    weights,
  } = options
  const { replacement = weights !== undefined, shuffle = replacement || weights !== undefined } =
    options
  checkShard({ rank, worldSize })
  checkSeed(seed)
  checkCount('epoch', epoch)
  for (const [name, value] of Object.entries({ shuffle, dropLast, padding, replacement }))
    if (typeof value !== 'boolean') badOption(name, 'a boolean', value)
  if (!shuffle && (weights !== undefined || replacement))
    badOption('shuffle', 'left out or true with `weights` or `replacement`', shuffle)
  if (dropLast && padding) badOption('padding', 'false with `dropLast`', padding)
  if (weights !== undefined) checkWeights(weights, size)
  if (replacement && size > 2 ** 32) badOption('size', 'at most 2^32 with `replacement`', size)
  const most = replacement ? size : weights === undefined ? size : positiveOf(weights).length
  const { numDraws = most } = options
  checkInteger('numDraws', numDraws, 1)
  if (!replacement && numDraws > most) {
    const what = weights === undefined ? 'the size' : 'the number of weights above 0'
    badOption('numDraws', `at most ${what}, ${most}, without replacement`, numDraws)
  }
  if (dropLast && numDraws < worldSize)
    badOption(
      options.numDraws === undefined ? 'size' : 'numDraws',
      `at least \`worldSize\`, ${worldSize}, with \`dropLast\`: no rank would have an item`,
      numDraws,
    )
  const kind = kindOf(shuffle, weights !== undefined, replacement)
  return { size, rank, worldSize, seed, epoch, kind, padding, dropLast, weights, numDraws }
}

function kindOf(shuffle: boolean, isWeighted: boolean, replacement: boolean): SamplerPlan['kind'] {
  if (!shuffle) return 'sequential'
  if (isWeighted) return replacement ? 'weighted draws' : 'weighted order'
  return replacement ? 'draws' : 'permutation'
}

function checkWeights(weights: ArrayLike<number>, size: number): void {
  if (typeof weights !== 'object' || weights === null || weights.length !== size)
    badOption('weights', `${size} numbers, one for each index`, weights)
  let isPositive = false
  for (let index = 0; index < size; index++) {
    const weight = weights[index] as unknown
    if (typeof weight !== 'number' || !Number.isFinite(weight) || weight < 0)
      badOption('weights', `made of finite numbers >= 0 (number ${index})`, weight)
    isPositive ||= weight > 0
  }
  if (!isPositive) badOption('weights', 'not all 0', weights)
}
