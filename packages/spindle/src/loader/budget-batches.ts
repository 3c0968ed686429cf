import { sizeOf } from '../engine/flow/size.ts'
import type { Aggregator } from '../engine/types.ts'
import { SpindleError } from '../errors.ts'
import { boolean, choice, func, integer, options, type Rules } from '../options/index.ts'
import { lengthOf } from './length-of.ts'

/** Options that `batchByTokens()` and `batchByBytes()` share. */
export interface BudgetOptions {
  /** Maximum number of items per batch, an integer >= 1. Default: no limit. */
  readonly maxItems?: number
  /**
   * What happens to a single item above the budget. `'refuse'` (default) fails the stage; `'alone'`
   * gives the item as a batch of its own.
   */
  readonly tooLarge?: 'refuse' | 'alone'
}

/** Options of `batchByTokens()`. */
export interface TokenBudgetOptions<T> extends BudgetOptions {
  /** Maximum number of tokens per batch, an integer >= 1. */
  readonly maxTokens: number
  /** Number of tokens of an item, a number >= 0. */
  readonly length: (item: T) => number
  /**
   * Whether padding counts. If true, a batch costs its number of items times its longest length,
   * which is what the model computes on. Default false.
   */
  readonly padded?: boolean
  /** With `padded`: lengths are rounded up to a multiple of this, an integer >= 1. Default 1. */
  readonly multipleOf?: number
}

/** Options of `batchByBytes()`. */
export interface ByteBudgetOptions<T> extends BudgetOptions {
  /** Maximum number of bytes per batch, an integer >= 1. */
  readonly maxBytes: number
  /**
   * Number of bytes of an item, a number >= 0. Default: the size of its buffers and texts, counted
   * as `maxBytes` of `pipe()` counts them.
   */
  readonly bytes?: (item: T) => number
}

const budgetRules = {
  maxItems: integer({ min: 1, orInfinity: true, default: Number.POSITIVE_INFINITY, unit: 'items' }),
  tooLarge: choice(['refuse', 'alone'], { default: 'refuse' }),
} satisfies Rules<BudgetOptions>

const tokenOptions = options('TokenBudgetOptions', {
  maxTokens: integer({ min: 1, required: true, unit: 'tokens' }),
  length: func({ required: true }),
  padded: boolean({ default: false }),
  multipleOf: integer({ min: 1, default: 1, unit: 'tokens' }),
  ...budgetRules,
} satisfies Rules<TokenBudgetOptions<never>>)

const byteOptions = options('ByteBudgetOptions', {
  maxBytes: integer({ min: 1, required: true }),
  bytes: func({ defaultOf: () => sizeOf }),
  ...budgetRules,
} satisfies Rules<ByteBudgetOptions<never>>)

/**
 * Batches with as many items as fit a token budget, in the order in which items arrive: an
 * aggregator for `aggregate()`. With `padded`, the budget applies to the rectangle that the padded
 * batch becomes.
 *
 * @throws `ERR_BAD_OPTION` for a wrong option. The stage fails with `ERR_TOO_LARGE` for an item
 *   above the budget, unless `tooLarge: 'alone'`.
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { PipelineBuilder } from 'spindle'
 * import { batchByTokens } from 'spindle/loader'
 *
 * const budget = batchByTokens<string>({ maxTokens: 6, length: (text) => text.length, padded: true })
 * const pipeline = new PipelineBuilder().addSource(['aa', 'bb', 'cccc', 'd']).aggregate(budget).build()
 * const batches: string[][] = []
 * for await (const batch of pipeline) batches.push(batch)
 * assert.deepEqual(batches, [['aa', 'bb'], ['cccc'], ['d']]) // 2 x 2, 1 x 4; 'cccc' and 'd' would be 2 x 4
 * ```
 */
export function batchByTokens<T>(options: TokenBudgetOptions<T>): () => Aggregator<T, T[]> {
  const { maxTokens, length, padded, multipleOf, ...rest } = tokenOptions.check(options)
  const rounded = (item: T): number => Math.ceil(lengthOf(item, length) / multipleOf) * multipleOf
  const cost = padded ? rounded : (item: T): number => lengthOf(item, length)
  return budgetBatches(
    { unit: 'tokens', option: 'maxTokens', budget: maxTokens, cost, isPadded: padded },
    rest,
  )
}

/**
 * Batches with as many items as fit a byte budget, in the order in which items arrive: an
 * aggregator for `aggregate()`.
 *
 * @throws `ERR_BAD_OPTION` for a wrong option. The stage fails with `ERR_TOO_LARGE` for an item
 *   above the budget, unless `tooLarge: 'alone'`.
 */
export function batchByBytes<T>(options: ByteBudgetOptions<T>): () => Aggregator<T, T[]> {
  const { maxBytes, bytes, ...rest } = byteOptions.check(options)
  const cost = (item: T): number => lengthOf(item, bytes, 'bytes')
  return budgetBatches(
    { unit: 'bytes', option: 'maxBytes', budget: maxBytes, cost, isPadded: false },
    rest,
  )
}

interface TokenBudget<T> {
  readonly unit: string
  readonly option: string
  readonly budget: number
  readonly cost: (item: T) => number
  /** Whether a batch costs its longest item times its number of items, or the sum of its items. */
  readonly isPadded: boolean
}

function budgetBatches<T>(
  budget: TokenBudget<T>,
  { maxItems, tooLarge }: Required<BudgetOptions>,
): () => Aggregator<T, T[]> {
  return () => new BudgetBatches(budget, maxItems, tooLarge === 'alone')
}

/**
 * An item that does not fit ends the batch and starts the next one, so only one batch is held at a
 * time.
 */
class BudgetBatches<T> implements Aggregator<T, T[]> {
  readonly #budget: TokenBudget<T>
  readonly #maxItems: number
  readonly #mayExceed: boolean
  #batch: T[] = []
  /** Sum of the costs, or with padding the largest cost. */
  #cost = 0

  constructor(budget: TokenBudget<T>, maxItems: number, mayExceed: boolean) {
    this.#budget = budget
    this.#maxItems = maxItems
    this.#mayExceed = mayExceed
  }

  accumulate(item: T): T[] | undefined {
    const cost = this.#budget.cost(item)
    if (cost > this.#budget.budget && !this.#mayExceed) throw this.#tooLarge(cost)
    let full: T[] | undefined
    if (this.#batch.length > 0 && this.#costWith(cost) > this.#budget.budget) full = this.flush()
    this.#cost = this.#budget.isPadded ? Math.max(this.#cost, cost) : this.#cost + cost
    this.#batch.push(item)
    if (full === undefined && this.#isFull()) return this.flush()
    return full
  }

  #costWith(cost: number): number {
    return this.#budget.isPadded
      ? Math.max(this.#cost, cost) * (this.#batch.length + 1)
      : this.#cost + cost
  }

  /**
   * Whether no item with a cost fits any more. The batch is then given at once, without waiting for
   * the next item.
   */
  #isFull(): boolean {
    const { budget, isPadded } = this.#budget
    if (this.#batch.length >= this.#maxItems) return true
    return isPadded ? this.#cost * (this.#batch.length + 1) > budget : this.#cost >= budget
  }

  flush(): T[] | undefined {
    if (this.#batch.length === 0) return undefined
    const batch = this.#batch
    this.#batch = []
    this.#cost = 0
    return batch
  }

  hasRest(): boolean {
    return this.#batch.length > 0
  }

  #tooLarge(cost: number): SpindleError {
    const { unit, option, budget } = this.#budget
    return new SpindleError(
      'ERR_TOO_LARGE',
      `an item of ${cost} ${unit} is above \`${option}\` ${budget}: raise it, cut or filter such items before, or make them batches of their own with tooLarge: 'alone'`,
    )
  }
}
