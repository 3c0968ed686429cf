import { integer, options, type Rule, type Rules } from '../options/index.ts'

/** Options of `cacheIterator()`. */
export interface CacheOptions {
  /**
   * Number of items to keep, an integer >= 1: the last ones that were really loaded. Default 10.
   */
  readonly numCaches?: number
  /**
   * Number of items that are really loaded before the kept ones are repeated, an integer >=
   * `numCaches`. Default 100.
   */
  readonly returnCachesAfter?: number
  /** Total number of items, an integer >= 1. Default: no end. */
  readonly stopAfter?: number
}

/** The rules of {@link CacheOptions}. */
export const cacheRules: {
  readonly numCaches: Rule<number, 'always'>
  readonly returnCachesAfter: Rule<number, 'maybe'>
  readonly stopAfter: Rule<number, 'always'>
} = {
  numCaches: integer({ min: 1, default: 10, unit: 'items' }),
  returnCachesAfter: integer({ min: 1, unit: 'items' }),
  stopAfter: integer({
    min: 1,
    orInfinity: true,
    default: Number.POSITIVE_INFINITY,
    unit: 'items',
  }),
}

const cacheOptions = options(
  'CacheOptions',
  cacheRules satisfies Rules<CacheOptions>,
  undefined,
  ({ numCaches, returnCachesAfter = numCaches }) =>
    returnCachesAfter < numCaches
      ? ['returnCachesAfter', `an integer >= \`numCaches\` ${numCaches}`]
      : undefined,
)

/**
 * Gives the items of a source, and later repeats the last of them at no cost. The rate of the
 * consumer is then its rate if loading cost nothing. Compare the rates before and after: the
 * difference is the most that faster loading can gain.
 *
 * The source is closed when it is no longer needed. If the source ends before `returnCachesAfter`
 * items, the iteration ends too.
 *
 * @throws `ERR_BAD_OPTION` for a wrong option.
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { cacheIterator } from 'spindle'
 *
 * const items: number[] = []
 * const cached = cacheIterator([1, 2, 3, 4], { numCaches: 2, returnCachesAfter: 3, stopAfter: 7 })
 * for await (const item of cached) items.push(item)
 * assert.deepEqual(items, [1, 2, 3, 2, 3, 2, 3])
 * ```
 */
export function cacheIterator<T>(
  source: Iterable<T> | AsyncIterable<T>,
  options: CacheOptions = {},
): AsyncGenerator<T, void, undefined> {
  const { numCaches, stopAfter, ...given } = cacheOptions.check(options)
  const { returnCachesAfter = Math.max(100, numCaches) } = given
  return replay(source, numCaches, returnCachesAfter, stopAfter)
}

async function* replay<T>(
  source: Iterable<T> | AsyncIterable<T>,
  numCaches: number,
  returnCachesAfter: number,
  stopAfter: number,
): AsyncGenerator<T, void, undefined> {
  const kept: T[] = []
  let given = 0
  for await (const item of source) {
    if (given >= returnCachesAfter - numCaches) kept.push(item)
    given++
    yield item
    if (given >= Math.min(returnCachesAfter, stopAfter)) break
  }
  // The source ended early.
  if (given < returnCachesAfter) return
  for (let i = 0; given < stopAfter; i++, given++) yield kept[i % numCaches] as T
}
