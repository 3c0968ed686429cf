import { badOption, checkFunction } from '../check.ts'
import { Collate } from '../engine/stages/aggregate-stage.ts'
import type { Aggregator } from '../engine/types.ts'
import { durationMs, options, type Rules } from '../options/index.ts'
import { clearTimeout, clockMs, setTimeout, type Timer } from '../timers.ts'

/** Options of `batchWithin()`. */
export interface WithinOptions {
  /**
   * Longest time to hold an item, in milliseconds, > 0. After it, all items that are held are
   * given, even if the batch is not full.
   */
  readonly maxWaitMs: number
}

const withinOptions = options('WithinOptions', {
  maxWaitMs: durationMs({ required: true }),
} satisfies Rules<WithinOptions>)

const TIME_IS_UP = Symbol('time is up')

/**
 * Batches of an aggregator in which no item waits longer than `maxWaitMs` for others. It is for
 * requests that arrive at irregular times, where a small batch is better than a late one. Takes any
 * aggregator whose batches are arrays, such as `batchByTokens(…)` or `bucketByLength(…)`, or a
 * number of items.
 *
 * Within a pipeline it is the op of a `merge()` with one input. Its batches depend on timing, so
 * the pipeline cannot be resumed exactly. Leaving the iteration closes the source.
 *
 * @throws `ERR_BAD_OPTION` for a wrong option; errors of the source and of the aggregator.
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { merge, PipelineBuilder } from 'spindle'
 * import { batchWithin } from 'spindle/loader'
 *
 * const requests = new PipelineBuilder().addSource(['a', 'b', 'c'])
 * const pipeline = merge(requests, { op: ([items]) => batchWithin(items!, 2, { maxWaitMs: 5 }) }).build()
 * const batches: string[][] = []
 * for await (const batch of pipeline) batches.push(batch)
 * assert.deepEqual(batches.flat(), ['a', 'b', 'c'])
 * ```
 */
export function batchWithin<T>(
  items: AsyncIterable<T> | Iterable<T>,
  how: number | (() => Aggregator<T, T[]>),
  options: WithinOptions,
): AsyncGenerator<T[], void, undefined> {
  const { maxWaitMs } = withinOptions.check(options)
  if (typeof how === 'number') {
    if (!Number.isInteger(how) || how < 1)
      badOption('how', 'an integer >= 1 or a function that makes an aggregator', how)
    return batches(items, new Collate<T>(how), maxWaitMs)
  }
  checkFunction('how', how)
  return batches(items, how(), maxWaitMs)
}

async function* batches<T>(
  items: AsyncIterable<T> | Iterable<T>,
  aggregator: Aggregator<T, T[]>,
  maxWaitMs: number,
): AsyncGenerator<T[], void, undefined> {
  const steps =
    Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]()
  const held = new Arrivals<T>()
  let next: Promise<IteratorResult<T>> | undefined
  let isEnded = false
  try {
    while (true) {
      next ??= Promise.resolve(steps.next()).catch((error: unknown) => {
        isEnded = true
        throw error
      })
      const { oldest } = held
      const step = await (oldest === undefined ? next : within(next, oldest + maxWaitMs))
      if (step === TIME_IS_UP) {
        held.clear()
        yield* rest(aggregator)
        continue
      }
      next = undefined
      isEnded = step.done === true
      if (step.done === true) break
      const item = await step.value
      held.add(item)
      const batch = aggregator.accumulate(item)
      if (batch === undefined) continue
      held.remove(batch)
      yield batch
    }
    yield* rest(aggregator)
  } finally {
    if (!isEnded) await close(steps, next)
  }
}

/**
 * The promise's value, or `TIME_IS_UP` if the time runs out first. The caller may wait for the same
 * promise again.
 */
async function within<S>(promise: Promise<S>, untilMs: number): Promise<S | typeof TIME_IS_UP> {
  const waitMs = untilMs - clockMs()
  // Checked without a timer: a source that always has an item ready could otherwise delay the timer
  // forever.
  if (waitMs <= 0) return TIME_IS_UP
  let timer: Timer | undefined
  const limit = new Promise<typeof TIME_IS_UP>((resolve) => {
    timer = setTimeout(() => resolve(TIME_IS_UP), waitMs)
  })
  try {
    return await Promise.race([promise, limit])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Closes the source. If a step of it is in progress, the source closes after that step, and this
 * function does not wait.
 */
async function close(
  steps: AsyncIterator<unknown> | Iterator<unknown>,
  pending: Promise<unknown> | undefined,
): Promise<void> {
  const closing = Promise.resolve(steps.return?.())
  if (pending === undefined) await closing
  else for (const promise of [closing, pending]) promise.catch(() => {})
}

function* rest<T>(aggregator: Aggregator<T, T[]>): Generator<T[]> {
  do {
    const batch = aggregator.flush()
    if (batch === undefined) return
    yield batch
  } while (aggregator.hasRest?.() === true)
}

interface Arrival {
  readonly atMs: number
  isHeld: boolean
}

/**
 * Arrival times of the items that are held. Of equal primitive values, the first to arrive is the
 * first to leave.
 */
class Arrivals<T> {
  #inOrder: Arrival[] = []
  #first = 0
  readonly #of = new Map<T, Arrival[]>()

  add(item: T): void {
    const arrival = { atMs: clockMs(), isHeld: true }
    this.#inOrder.push(arrival)
    const same = this.#of.get(item)
    if (same === undefined) this.#of.set(item, [arrival])
    else same.push(arrival)
  }

  remove(batch: readonly T[]): void {
    for (const item of batch) {
      const same = this.#of.get(item) ?? []
      const arrival = same.shift()
      if (arrival !== undefined) arrival.isHeld = false
      if (same.length === 0) this.#of.delete(item)
    }
  }

  clear(): void {
    this.#inOrder = []
    this.#first = 0
    this.#of.clear()
  }

  /** When the oldest held item arrived. */
  get oldest(): number | undefined {
    if (this.#of.size === 0) this.clear()
    while (this.#inOrder[this.#first]?.isHeld === false) this.#first++
    return this.#inOrder[this.#first]?.atMs
  }
}
