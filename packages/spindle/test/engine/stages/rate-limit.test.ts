import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PipelineBuilder, SpindleError, workerModule, workers } from 'spindle'
import { CallTimes } from '../../../src/engine/stages/rate-limiter.ts'

/** Begins a call as soon as it may, from `asked` on, by a clock that only these calls advance. */
function beginTimes(limit: { perSecond: number; burst: number }, asked: readonly number[]) {
  const times = new CallTimes(limit)
  let now = 0
  return asked.map((gap) => {
    now += gap
    now += times.waitMs(now)
    times.begin(now)
    return now
  })
}

test('at most `burst` calls begin at once, then one in each interval', () => {
  const times = beginTimes({ perSecond: 10, burst: 3 }, [0, 0, 0, 0, 0, 0])
  assert.deepEqual(times, [0, 0, 0, 100, 200, 300])
})

test('a pause fills the burst again, but no more than that', () => {
  const times = beginTimes({ perSecond: 10, burst: 2 }, [0, 0, 0, 5000, 0, 0])
  assert.deepEqual(times, [0, 0, 100, 5100, 5100, 5200])
})

test('law: at most burst + perSecond * s calls begin in any s seconds', () => {
  const gaps = fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 60 })
  const limits = fc.record({
    perSecond: fc.integer({ min: 1, max: 200 }),
    burst: fc.integer({ min: 1, max: 8 }),
  })
  fc.assert(
    fc.property(limits, gaps, (limit, asked) => {
      const times = beginTimes(limit, asked)
      for (let from = 0; from < times.length; from++)
        for (let to = from; to < times.length; to++) {
          const seconds = ((times[to] as number) - (times[from] as number)) / 1000
          assert(to - from + 1 <= limit.burst + limit.perSecond * seconds + 1e-6)
        }
    }),
  )
})

test('every attempt of a stage counts as a call, and the waits are counted apart', async () => {
  const began: number[] = []
  const pipeline = new PipelineBuilder()
    .addSource([1, 2, 3, 4])
    .pipe(
      async function request(n: number, { attempt }) {
        began.push(performance.now())
        if (n === 2 && attempt === 1) throw new Error('429')
        return n
      },
      {
        concurrency: 4,
        rateLimit: { perSecond: 50, burst: 1 },
        retry: { retries: 1, minDelayMs: 0 },
      },
    )
    .build()
  const got: number[] = []
  for await (const n of pipeline) got.push(n)
  assert.deepEqual(got.sort(), [1, 2, 3, 4])
  assert.equal(began.length, 5)
  // Five calls at 50 a second. The clock is read just before each one, so a millisecond is allowed.
  assert((began[4] as number) - (began[0] as number) >= 4 * 20 - 1)
  const [, stage] = pipeline.stats().stages
  // The fifth call waits for 80 ms at least, the others before it for 20, 40 and 60 ms.
  const throttledMs = stage?.sums.throttledMs ?? 0
  assert(throttledMs > 100, `throttled for ${throttledMs} ms`)
  assert((stage?.shares.throttled ?? 0) > 0)
})

test('a stop does not wait for the rate limit, and begins no more calls', async () => {
  let calls = 0
  const pipeline = new PipelineBuilder()
    .addSource([1, 2, 3])
    .pipe(() => ++calls, { concurrency: 3, rateLimit: { perSecond: 0.001 } })
    .build()
  assert.deepEqual(await pipeline.getItem(), { done: false, value: 1 })
  await pipeline.stop()
  assert.equal(calls, 1)
})

test('the verdict names a rate limit that decides', async () => {
  const pipeline = new PipelineBuilder()
    .addSource(Array(30).keys())
    .pipe(async (n) => n, { name: 'ask', concurrency: 4, rateLimit: { perSecond: 100, burst: 1 } })
    .build()
  await pipeline.forEach(() => {})
  const { bottleneck } = pipeline.report()
  assert.equal(bottleneck?.kind, 'rateLimited')
  assert.equal(bottleneck?.stage, 'ask')
  assert.match(bottleneck?.reason ?? '', /`rateLimit`/)
})

test('`retry.delayMs` decides the delay, and undefined leaves it to the other options', async () => {
  const asked: [string, number][] = []
  const pipeline = new PipelineBuilder()
    .addSource([0])
    .pipe(
      (_: number, { attempt }) => {
        if (attempt < 3) throw new Error(`attempt ${attempt}`)
        return attempt
      },
      {
        retry: {
          retries: 2,
          minDelayMs: 0,
          delayMs: (error, attempt) => {
            asked.push([(error as Error).message, attempt])
            return attempt === 1 ? 0 : undefined
          },
        },
      },
    )
    .build()
  assert.deepEqual(await pipeline.getItem(), { done: false, value: 3 })
  assert.deepEqual(asked, [
    ['attempt 1', 1],
    ['attempt 2', 2],
  ])
  await pipeline.stop()
})

test('a delay that is no duration fails the item with the rule', async () => {
  for (const delay of [-1, Number.NaN, '5' as unknown as number]) {
    const pipeline = new PipelineBuilder()
      .addSource([0])
      .pipe(
        () => {
          throw new Error('429')
        },
        { retry: { retries: 1, delayMs: () => delay } },
      )
      .build()
    await assert.rejects(pipeline.getItem(), ({ errors }) => {
      assert.match(errors[0].cause.message, /`retry\.delayMs` must return a number >= 0/)
      return true
    })
  }
})

test('options that break their rules are refused where they are given', () => {
  const builder = new PipelineBuilder().addSource([1])
  const wrong: readonly [object, RegExp][] = [
    [{ rateLimit: 5 }, /`rateLimit` must be an object/],
    [{ rateLimit: {} }, /`rateLimit\.perSecond` must be a finite number > 0, got undefined/],
    [{ rateLimit: { perSecond: 0 } }, /`rateLimit\.perSecond`/],
    [{ rateLimit: { perSecond: 1, burst: 0.5 } }, /`rateLimit\.burst` must be an integer >= 1/],
    [{ rateLimit: { perSecond: 1, bursts: 2 } }, /unknown option `bursts`/],
    [{ retry: { retries: 1, delayMs: 5 } }, /`retry\.delayMs` must be a function/],
  ]
  for (const [options, message] of wrong)
    assert.throws(() => builder.pipe((n: number) => n, options), message)
})

test('a region refuses what counts or decides in one thread', () => {
  const ops = workerModule<{ double(n: number): number }>(import.meta.resolve('./none.ts'))
  const region = new PipelineBuilder().addSource([1]).to(workers({ count: 2 }))
  for (const options of [
    { rateLimit: { perSecond: 1 } },
    { retry: { retries: 1, delayMs: () => 1 } },
  ])
    assert.throws(
      () => region.pipe(ops.double, options),
      (error) => error instanceof SpindleError && error.code === 'ERR_BAD_OPTION',
    )
})
