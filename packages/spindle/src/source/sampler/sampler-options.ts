import { badOption, checkInteger } from '../../check.ts'
import { boolean, integer, object, options, type Rules } from '../../options/index.ts'
import { orderRules } from '../transform/check-transform.ts'
import { positiveOf } from './draws.ts'
import { checkShard } from './shard.ts'

/** Options of `DistributedSampler`. */
export interface DistributedSamplerOptions {
  /** Number of this rank, 0 <= `rank` < `worldSize`. Default 0. */
  readonly rank?: number
  /** Number of ranks, >= 1. Default 1. */
  readonly worldSize?: number
  /**
   * Seed of the random orders and draws, an integer. Default 0. Has no effect without `shuffle`,
   * `weights` or `replacement`.
   */
  readonly seed?: number
  /**
   * Epoch of the first plain iteration, an integer >= 0. Default 0; `setEpoch` changes it later.
   */
  readonly epoch?: number
  /**
   * Whether indices come in random order, another one each epoch, instead of 0, 1, 2, … Default
   * false; true if `weights` or `replacement` imply it.
   */
  readonly shuffle?: boolean
  /** Whether to drop the last positions if not all ranks have one. Default false. */
  readonly dropLast?: boolean
  /**
   * Whether to start the epoch again for as many positions as are missing until all ranks have
   * equally many. Default false. Cannot be combined with `dropLast`.
   */
  readonly padding?: boolean
  /**
   * Relative probability of each index: `size` finite numbers >= 0, not all 0. An index of weight 0
   * is never drawn.
   */
  readonly weights?: ArrayLike<number>
  /**
   * Number of draws per epoch over all ranks, an integer >= 1. Default `size`; for `weights`
   * without replacement, the number of weights above 0. Without replacement, the default is also
   * the maximum.
   */
  readonly numDraws?: number
  /**
   * Whether each draw is from all indices, so that an index may come more than once. Default true
   * with `weights`, otherwise false.
   */
  readonly replacement?: boolean
}

/** Options after the checks, with defaults. */
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
  /** Number of positions before dropping and padding. */
  readonly numDraws: number
}

const samplerRules = {
  rank: integer({ min: 0, default: 0 }),
  worldSize: integer({ min: 1, default: 1 }),
  ...orderRules,
  shuffle: boolean(),
  dropLast: boolean({ default: false }),
  padding: boolean({ default: false }),
  weights: object(),
  numDraws: integer({ min: 1 }),
  replacement: boolean(),
} satisfies Rules<DistributedSamplerOptions>

const samplerOptions = options(
  'DistributedSamplerOptions',
  samplerRules,
  undefined,
  ({ shuffle, weights, replacement, dropLast, padding }) => {
    if (shuffle === false && (weights !== undefined || replacement === true))
      return ['shuffle', 'left out or true with `weights` or `replacement`']
    return dropLast && padding ? ['padding', 'false with `dropLast`'] : undefined
  },
)

/** @throws `ERR_BAD_OPTION`, naming the violated rule */
export function samplerPlan(size: number, options: DistributedSamplerOptions): SamplerPlan {
  checkInteger('size', size, 1)
  if (size > 2 ** 53) badOption('size', 'an integer <= 2^53', size)
  const { weights, ...given } = samplerOptions.check(options)
  const { rank, worldSize, dropLast, padding } = given
  const { replacement = weights !== undefined } = given
  const { shuffle = replacement || weights !== undefined } = given
  checkShard({ rank, worldSize })
  if (weights !== undefined) checkWeights(weights, size)
  if (replacement && size > 2 ** 32) badOption('size', 'at most 2^32 with `replacement`', size)
  const most = replacement || weights === undefined ? size : positiveOf(weights).length
  const { numDraws = most } = given
  if (!replacement && numDraws > most) {
    const what = weights === undefined ? 'the size' : 'the number of weights above 0'
    badOption('numDraws', `at most ${what}, ${most}, without replacement`, numDraws)
  }
  if (dropLast && numDraws < worldSize)
    badOption(
      given.numDraws === undefined ? 'size' : 'numDraws',
      `at least \`worldSize\`, ${worldSize}, with \`dropLast\`: no rank would have an item`,
      numDraws,
    )
  const kind = kindOf(shuffle, weights !== undefined, replacement)
  const { seed, epoch } = given
  return { size, rank, worldSize, seed, epoch, kind, padding, dropLast, weights, numDraws }
}

function kindOf(shuffle: boolean, isWeighted: boolean, replacement: boolean): SamplerPlan['kind'] {
  if (!shuffle) return 'sequential'
  if (isWeighted) return replacement ? 'weighted draws' : 'weighted order'
  return replacement ? 'draws' : 'permutation'
}

function checkWeights(weights: ArrayLike<number>, size: number): void {
  if (weights.length !== size) badOption('weights', `${size} numbers, one for each index`, weights)
  let isPositive = false
  for (let index = 0; index < size; index++) {
    const weight = weights[index] as unknown
    if (typeof weight !== 'number' || !Number.isFinite(weight) || weight < 0)
      badOption('weights', `made of finite numbers >= 0 (number ${index})`, weight)
    isPositive ||= weight > 0
  }
  if (!isPositive) badOption('weights', 'not all 0', weights)
}
