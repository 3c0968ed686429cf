import { badOption } from '../../check.ts'
import { isOneShot } from '../../engine/flow/open-source.ts'
import { integer, options, type Rules } from '../../options/index.ts'
import { expose, positionsFrom } from '../seek/expose.ts'
import { pickPieces } from '../seek/pick-pieces.ts'
import { wholePlanOf } from '../seek/plan-of.ts'
import { readStream } from '../seek/read-stream.ts'
import type { Items, Plan } from '../seek/seek-plan.ts'
import type { SourceLike, Transformed } from '../seek/source-types.ts'

/** Options of {@link repeat}. */
export interface RepeatOptions {
  /** Number of repetitions, an integer >= 0 or `Infinity`. Default `Infinity`. */
  readonly times?: number
}

const repeatOptions = options('RepeatOptions', {
  times: integer({ min: 0, orInfinity: true, default: Number.POSITIVE_INFINITY }),
} satisfies Rules<RepeatOptions>)

/**
 * Repeats a source within one epoch. Each repetition is the source's next epoch, so a shuffled
 * source has another order each time. An empty source is not repeated.
 *
 * The result is seekable if the source is seekable and knows its size.
 *
 * @throws `ERR_BAD_OPTION`, also for a generator object or a stream, which can be iterated only
 *   once
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { repeat, shuffled, take } from 'spindle/source'
 *
 * const twice = [...repeat(shuffled(100, { seed: 1 }), { times: 2 })]
 * assert.deepEqual(twice.slice(100), [...shuffled(100, { seed: 1, epoch: 1 })])
 * assert.deepEqual([...take(repeat(['a', 'b']), 5)], ['a', 'b', 'a', 'b', 'a'])
 * ```
 */
export function repeat<S extends SourceLike<unknown>>(
  source: S,
  options: RepeatOptions = {},
): Transformed<S> {
  const { times } = repeatOptions.check(options)
  if (isOneShot(source)) badOption('source', 'one that can be iterated more than once', source)
  const { plan, shard } = wholePlanOf<unknown>(source)
  return expose(
    plan.size === undefined ? chained(plan, times) : repeated(plan, plan.size, times),
    shard,
  ) as Transformed<S>
}

function repeated<T>(plan: Plan<T>, length: number, times: number): Plan<T> {
  const isEndless = times === Number.POSITIVE_INFINITY
  return {
    // Infinity times 0 is NaN.
    size: length === 0 || times === 0 ? 0 : length * times,
    access: plan.access,
    isAsync: plan.isAsync,
    describe: () => ({ kind: 'repeat', times: isEndless ? 'forever' : times, of: plan.describe() }),
    pick: (positions, epoch) =>
      pickPieces(
        positions,
        (position) => {
          const pass = Math.floor(position / length)
          const start = length === Number.POSITIVE_INFINITY ? 0 : pass * length
          return {
            plan,
            epoch: isEndless ? epoch + pass : epoch * times + pass,
            start,
            end: start + length,
          }
        },
        plan.isAsync,
      ),
  }
}

/** For a source whose size is unknown until its end. */
function chained<T>(plan: Plan<T>, times: number): Plan<T> {
  const passes = (pass: number) => plan.pick(positionsFrom(0, undefined, undefined), pass)
  const open = (): Items<T> => (plan.isAsync ? chainAsync(passes, times) : chainSync(passes, times))
  return {
    size: undefined,
    access: 'once',
    isAsync: plan.isAsync,
    describe: () => ({ kind: 'repeat', of: plan.describe() }),
    pick: (positions) =>
      readStream(positions, { open, step: 1, isAsync: plan.isAsync, mayReopen: false }),
  }
}

function* chainSync<T>(
  passes: (pass: number) => Items<T>,
  times: number,
): Generator<T, void, void> {
  for (let pass = 0; pass < times; pass++) {
    let isEmpty = true
    for (const item of passes(pass) as Iterable<T>) {
      isEmpty = false
      yield item
    }
    if (isEmpty) return
  }
}

async function* chainAsync<T>(
  passes: (pass: number) => Items<T>,
  times: number,
): AsyncGenerator<T, void, void> {
  for (let pass = 0; pass < times; pass++) {
    let isEmpty = true
    for await (const item of passes(pass)) {
      isEmpty = false
      yield item
    }
    if (isEmpty) return
  }
}
