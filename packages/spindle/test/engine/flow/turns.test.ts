import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { merge, type Pipeline, PipelineBuilder } from 'spindle'
import { range } from '../../support/sources.ts'

/**
 * Calls that take long, and the turns of the loop between them. A turn is the whole of it, timers
 * included: an immediate that a timer has scheduled.
 * @returns a function that holds the loop, and one that gives the most calls between two turns
 */
function watch() {
  let since = 0
  let most = 0
  const timer = setInterval(() => {
    since = 0
  }, 1)
  return {
    /** Holds the loop for longer than a slice. */
    hold<T>(value: T): T {
      most = Math.max(most, ++since)
      const until = performance.now() + 7
      while (performance.now() < until);
      return value
    },
    end() {
      clearInterval(timer)
      return most
    },
  }
}

type Hold = <T>(value: T) => T
const numbers = (count = 6) => new PipelineBuilder().addSource(range(count))
const asyncNumbers = () =>
  new PipelineBuilder().addSource(async function* () {
    yield* range(6)
  })

const shapes: Record<string, (hold: Hold) => Pipeline<unknown>> = {
  'a sync op': (hold) => numbers().pipe(hold).build(),
  'sync ops one after the other': (hold) => numbers().pipe(hold).pipe(hold).pipe(hold).build(),
  'sync ops after an async source': (hold) =>
    asyncNumbers().pipe(hold, { concurrency: 4 }).pipe(hold).build(),
  'an async op': (hold) =>
    numbers()
      .pipe(async (n) => hold(n), { concurrency: 4 })
      .build(),
  'async ops in input order, one after the other': (hold) =>
    numbers()
      .pipe(async (n) => hold(n), { concurrency: 4, outputOrder: 'input' })
      .pipe(async (n) => hold(n), { concurrency: 4, outputOrder: 'input' })
      .build(),
  'an op that sees its context': (hold) =>
    numbers()
      .pipe((n, { signal }) => hold(signal.aborted ? -1 : n))
      .build(),
  'an op with retries': (hold) => numbers().pipe(hold, { concurrency: 2, retry: 1 }).build(),
  'an op that fails': (hold) =>
    numbers()
      .pipe((n) => {
        throw new Error(String(hold(n)))
      })
      .build({ maxFailures: 6 }),
  'a source that computes': (hold) =>
    new PipelineBuilder()
      .addSource(function* () {
        for (const n of range(6)) yield hold(n)
      })
      .pipe(hold)
      .build(),
  'an async source that computes': (hold) =>
    new PipelineBuilder()
      .addSource(async function* () {
        for (const n of range(6)) yield hold(n)
      })
      .pipe(hold)
      .build(),
  'a generator op': (hold) =>
    numbers(2)
      .pipe(function* (n) {
        for (const part of range(3)) yield hold(n + part)
      })
      .pipe(hold)
      .build(),
  'an async generator op': (hold) =>
    numbers(2)
      .pipe(async function* (n) {
        for (const part of range(3)) yield hold(n + part)
      })
      .build(),
  'an aggregator and its rest': (hold) =>
    numbers()
      .aggregate(() => {
        const kept: number[] = []
        return {
          accumulate: (n: number) => void kept.push(hold(n)),
          flush: () => hold(kept.pop()),
          hasRest: () => kept.length > 0,
        }
      })
      .build(),
  'a router and its paths': (hold) =>
    numbers()
      .pathVariants((n) => hold(n % 2), [(path) => path.pipe(hold), (path) => path.pipe(hold)])
      .build(),
  'a merge op': (hold) =>
    merge(numbers(3), {
      op: function* () {
        for (const n of range(6)) yield hold(n)
      },
    }).build(),
  'inputs of a merge': (hold) =>
    merge(numbers(3).pipe(hold), numbers(3).pipe(hold)).pipe(hold).build(),
}

describe('after a call that took long the loop turns before the next call', () => {
  for (const [shape, make] of Object.entries(shapes))
    it(shape, async () => {
      // A call begun from the callback of some I/O may be followed by one more before the timers.
      await new Promise((resolve) => setImmediate(resolve))
      const { hold, end } = watch()
      await make(hold).forEach(() => {})
      assert.equal(end(), 1)
    })

  it('the function of forEach', async () => {
    const { hold, end } = watch()
    await numbers()
      .pipe(hold)
      .build()
      .forEach((n) => void hold(n))
    await numbers()
      .build()
      .forEach((n) => void hold(n))
    assert.equal(end(), 1)
  })

  // The engine does not see the body of a loop, which runs when its turn is over.
  for (const way of ['iterate', 'chunks'] as const)
    it(`a loop over ${way}(), whose body may follow one call`, async () => {
      for (const pipeline of [numbers().pipe((n) => n), numbers().pipe(async (n) => n)]) {
        const { hold, end } = watch()
        for await (const n of pipeline.build()[way]() as AsyncIterable<unknown>) hold(n)
        assert.ok(end() <= 2)
      }
    })

  it('of several pipelines, each of which gets its share', async () => {
    const { hold, end } = watch()
    const counts = [0, 0, 0]
    const spans: number[] = []
    await Promise.all(
      counts.map((_, which) =>
        numbers(8)
          .pipe(hold)
          .build()
          .forEach(() => {
            counts[which] = (counts[which] ?? 0) + 1
            spans.push(Math.max(...counts) - Math.min(...counts))
          }),
      ),
    )
    assert.equal(end(), 1)
    assert.ok(Math.max(...spans) <= 2, `one was ${Math.max(...spans)} items ahead of another`)
  })

  it('whether its stage was quick for a while before or not', async () => {
    const { hold, end } = watch()
    await numbers(60)
      .pipe((n) => (n % 20 > 17 ? hold(n) : n))
      .build({ loopGuard: false })
      .forEach(() => {})
    assert.equal(end(), 1)
  })
})
