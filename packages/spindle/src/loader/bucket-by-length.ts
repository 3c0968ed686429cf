import { badOption, checkInteger } from '../check.ts'
import type { Aggregator } from '../engine/types.ts'
import { choice, func, is, options, type Rules } from '../options/index.ts'
import { lengthOf } from './length-of.ts'

/** Options of `bucketByLength()`. */
export interface BucketOptions<T> {
  /** Length of an item, a number >= 0, in the unit that padding costs. */
  readonly length: (item: T) => number
  /**
   * Longest length of each bucket except the last, as ascending numbers >= 0. The last bucket takes
   * all longer items.
   */
  readonly boundaries: readonly number[]
  /**
   * Items per batch, an integer >= 1: one number for all buckets, or a list of
   * `boundaries.length + 1` numbers, one for each bucket.
   */
  readonly batchSize: number | readonly number[]
  /**
   * What happens to incomplete batches at the end of the stream or epoch. `'apart'` (default): the
   * rest of each bucket becomes a batch of its own. `'together'`: the rests of all buckets, sorted
   * by length, are cut into batches. Each has the batch size of its longest item's bucket, so there
   * are fewer batches. `aggregate(…, { dropLast: true })` drops the rests in both cases.
   */
  readonly rest?: 'apart' | 'together'
}

const bucketOptions = options('BucketOptions', {
  length: func({ required: true }),
  boundaries: is('an array of at least one number >= 0, each above the one before', isList, {
    required: true,
  }),
  batchSize: is(
    'an integer >= 1, or an array of them, one for each bucket',
    (value) => Array.isArray(value) || (Number.isInteger(value) && (value as number) >= 1),
    { required: true, unit: 'items' },
  ),
  rest: choice(['apart', 'together'], { default: 'apart' }),
} satisfies Rules<BucketOptions<never>>)

function isList(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0
}

/**
 * Batches of items of similar length, so that padding costs little: an aggregator for
 * `aggregate()`. A batch is given when its bucket is full. Within a batch, items keep the order in
 * which they arrived. Which items share a batch depends only on the order of items, never on
 * timing.
 *
 * Holds fewer items than the sum of all batch sizes. One call serves several pipelines: each build
 * makes its own buckets.
 *
 * @throws `ERR_BAD_OPTION` for a wrong option. The stage fails with it if `length` does not return
 *   a number >= 0.
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { PipelineBuilder } from 'spindle'
 * import { bucketByLength } from 'spindle/loader'
 *
 * const words = ['a', 'four', 'bb', 'five5', 'c', 'three']
 * const buckets = bucketByLength<string>({ length: (word) => word.length, boundaries: [2], batchSize: 2 })
 * const pipeline = new PipelineBuilder().addSource(words).aggregate(buckets).build()
 * const batches: string[][] = []
 * for await (const batch of pipeline) batches.push(batch)
 * assert.deepEqual(batches, [['a', 'bb'], ['four', 'five5'], ['c'], ['three']])
 * ```
 */
export function bucketByLength<T>(options: BucketOptions<T>): () => Aggregator<T, T[]> {
  const { length, boundaries, batchSize, rest } = bucketOptions.check(options)
  checkBoundaries(boundaries)
  const sizes = batchSizes(batchSize, boundaries.length + 1)
  return () => new Buckets(length, [...boundaries], sizes, rest === 'together')
}

function checkBoundaries(boundaries: readonly number[]): void {
  for (const [at, boundary] of boundaries.entries()) {
    if (
      typeof boundary !== 'number' ||
      !(boundary >= 0) ||
      (at > 0 && boundary <= (boundaries[at - 1] ?? 0))
    )
      badOption(`boundaries[${at}]`, 'a number >= 0, above the one before', boundary)
  }
}

function batchSizes(batchSize: number | readonly number[], buckets: number): readonly number[] {
  if (typeof batchSize === 'number') return new Array<number>(buckets).fill(batchSize)
  if (batchSize.length !== buckets)
    badOption(
      'batchSize',
      `an integer >= 1, or an array of ${buckets}, one for each bucket`,
      batchSize,
    )
  for (const [at, size] of batchSize.entries()) checkInteger(`batchSize[${at}]`, size, 1)
  return [...batchSize]
}

class Buckets<T> implements Aggregator<T, T[]> {
  readonly #length: (item: T) => number
  readonly #boundaries: readonly number[]
  readonly #sizes: readonly number[]
  readonly #isTogether: boolean
  readonly #buckets: T[][]

  constructor(
    length: (item: T) => number,
    boundaries: readonly number[],
    sizes: readonly number[],
    isTogether: boolean,
  ) {
    this.#length = length
    this.#boundaries = boundaries
    this.#sizes = sizes
    this.#isTogether = isTogether
    this.#buckets = sizes.map(() => [])
  }

  accumulate(item: T): T[] | undefined {
    const number = this.#bucketOf(lengthOf(item, this.#length))
    const bucket = this.#buckets[number] as T[]
    bucket.push(item)
    if (bucket.length < (this.#sizes[number] as number)) return undefined
    this.#buckets[number] = []
    return bucket
  }

  /** Binary search for the first boundary that is not below the length. */
  #bucketOf(length: number): number {
    let low = 0
    let high = this.#boundaries.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#boundaries[middle] as number) < length) low = middle + 1
      else high = middle
    }
    return low
  }

  flush(): T[] | undefined {
    return this.#isTogether ? this.#longest() : this.#shortest()
  }

  hasRest(): boolean {
    return this.#buckets.some((bucket) => bucket.length > 0)
  }

  #shortest(): T[] | undefined {
    const number = this.#buckets.findIndex((bucket) => bucket.length > 0)
    if (number < 0) return undefined
    const rest = this.#buckets[number] as T[]
    this.#buckets[number] = []
    return rest
  }

  /** Takes the longest items, as many as the batch size of the longest one's bucket. */
  #longest(): T[] | undefined {
    let number = this.#buckets.findLastIndex((bucket) => bucket.length > 0)
    const size = this.#sizes[number] ?? 0
    const parts: T[][] = []
    let missing = size
    for (; number >= 0 && missing > 0; number--) {
      const bucket = this.#buckets[number] as T[]
      const part = bucket.splice(Math.max(0, bucket.length - missing))
      missing -= part.length
      parts.unshift(part)
    }
    return size === 0 ? undefined : parts.flat()
  }
}
