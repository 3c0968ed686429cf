import { badOption, checkChoice, checkFunction, checkInteger, checkOptions } from '../check.ts'
import type { Aggregator } from '../engine/types.ts'
import { lengthOf } from './length-of.ts'

/** Options of `bucketByLength()`. */
export interface BucketOptions<T> {
  /** Length of an item, a number >= 0: of what its padding costs. */
  readonly length: (item: T) => number
  /**
   * The longest length of each bucket but the last, rising numbers >= 0. Longer items have a bucket
   * of their own, the last.
   */
  readonly boundaries: readonly number[]
  /**
   * Items of a batch, an integer >= 1: one for all buckets, or one for each,
   * `boundaries.length + 1` of them.
   */
  readonly batchSize: number | readonly number[]
  /**
   * What the end of the stream or epoch leaves. `'apart'` (default): each bucket's rest is a batch
   * of its own. `'together'`: what is left of all buckets, in order of length, is cut into batches
   * of the size that its longest item's bucket has: fewer of them.
   * `aggregate(…, { dropLast: true })` leaves all of it out.
   */
  readonly rest?: 'apart' | 'together'
}

/**
 * Batches of items of similar length, so that padding them costs little: an aggregator for
 * `aggregate()`. A batch is given when its bucket is full; within a batch, items are in the order
 * in which they came. Which items share a batch depends on their order alone, never on timing.
 *
 * Holds less than the sum of all batch sizes. Call it once for several pipelines: each build has
 * buckets of its own.
 *
 * @throws `ERR_BAD_OPTION` for a wrong option; the stage fails with it for a length that is no
 *   number >= 0.
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
  checkOptions(options, ['length', 'boundaries', 'batchSize', 'rest'])
  const { length, boundaries, batchSize, rest = 'apart' } = options
  checkFunction('length', length)
  checkBoundaries(boundaries)
  checkChoice('rest', rest, ['apart', 'together'])
  const sizes = batchSizes(batchSize, boundaries.length + 1)
  return () => new Buckets(length, [...boundaries], sizes, rest === 'together')
}

function checkBoundaries(boundaries: readonly number[]): void {
  const rule = 'an array of at least one number >= 0, each above the one before'
  if (!Array.isArray(boundaries) || boundaries.length === 0)
    badOption('boundaries', rule, boundaries)
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
  if (typeof batchSize === 'number') {
    checkInteger('batchSize', batchSize, 1)
    return new Array<number>(buckets).fill(batchSize)
  }
  if (!Array.isArray(batchSize) || batchSize.length !== buckets)
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

  /** The first boundary that is not below the length, by halving. */
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

  /** As many of the longest items as make a batch of the longest one's bucket. */
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
