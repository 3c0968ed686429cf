import { badOption, checkDuration, checkFunction, checkOptions } from '../check.ts'
import { Collate } from '../engine/stages/aggregate-stage.ts'
import type { Aggregator } from '../engine/types.ts'
import { clearTimeout, clockMs, setTimeout, type Timer } from '../timers.ts'

/** Options of `batchWithin()`. */
export interface WithinOptions {
  /**
   * Longest time that an item is held, in milliseconds, > 0: then everything that is held is given,
   * full or not.
   */
  readonly maxWaitMs: number
}

const TIME_IS_UP = Symbol('time is up')

/**
 * Batches of an aggregator, none of whose items waits longer than `maxWaitMs` for others: for
 * requests that come when they come, where a batch that is not full is better than a late one. Any
 * aggregator of arrays will do: `batchByTokens(…)`, `bucketByLength(…)`, or a number of items.
 *
 * As a stage within a pipeline it is the op of a `merge()` with one input; its batches depend on
 * timing, so it cannot be resumed exactly. When it is left, the source is closed.
 *
 * @throws `ERR_BAD_OPTION` for a wrong option; what the source or the aggregator throws.
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
  checkOptions(options, ['maxWaitMs'])
  checkDuration('maxWaitMs', options.maxWaitMs)
  if (typeof how === 'number') {
    if (!Number.isInteger(how) || how < 1)
      badOption('how', 'an integer >= 1 or a function that makes an aggregator', how)
    return batches(items, new Collate<T>(how), options.maxWaitMs)
  }
  checkFunction('how', how)
  return batches(items, how(), options.maxWaitMs)
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

/** What the promise gives, or that the time is up first. The promise may be waited for again. */
async function within<S>(promise: Promise<S>, untilMs: number): Promise<S | typeof TIME_IS_UP> {
  const waitMs = untilMs - clockMs()
  // A source that always has something ready must not keep the timer from its turn.
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

/** A source that is in the middle of a step closes when that ends: nobody waits for it. */
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
 * When the items that are held came. Of equal plain values the first that came is the first to
 * leave.
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

  /** When the oldest came. */
  get oldest(): number | undefined {
    if (this.#of.size === 0) this.clear()
    while (this.#inOrder[this.#first]?.isHeld === false) this.#first++
    return this.#inOrder[this.#first]?.atMs
  }
}
