import { badOption, checkInteger, checkOptions } from '../check.ts'

/** Options of `cacheIterator()`. */
export interface CacheOptions {
  /** Items to keep, an integer >= 1: the last of those that were really loaded. Default 10. */
  readonly numCaches?: number
  /**
   * Items that are really loaded before kept ones are given instead, an integer >= `numCaches`.
   * Default 100.
   */
  readonly returnCachesAfter?: number
  /** Items given in all, an integer >= 1. Default: no end. */
  readonly stopAfter?: number
}

/**
 * Gives a source's items, and after some time the last of them over and over, for nothing: what the
 * consumer does then is how fast it would be if loading cost nothing. Compare the rates before and
 * after to know the headspace before making a loader faster.
 *
 * The source is closed when it is no longer needed. Ends early if the source does.
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
  checkOptions(options, ['numCaches', 'returnCachesAfter', 'stopAfter'])
  const { numCaches = 10, stopAfter = Number.POSITIVE_INFINITY } = options
  checkInteger('numCaches', numCaches, 1)
  const { returnCachesAfter = Math.max(100, numCaches) } = options
  checkInteger('returnCachesAfter', returnCachesAfter, 1)
  if (returnCachesAfter < numCaches)
    badOption('returnCachesAfter', `an integer >= \`numCaches\` ${numCaches}`, returnCachesAfter)
  checkInteger('stopAfter', stopAfter, 1, undefined, true)
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
  // The source had less than that to give.
  if (given < returnCachesAfter) return
  for (let i = 0; given < stopAfter; i++, given++) yield kept[i % numCaches] as T
}
