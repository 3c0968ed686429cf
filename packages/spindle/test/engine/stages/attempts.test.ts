import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PipelineBuilder, type RetryOptions, TimeoutError } from 'spindle'
import { assertCode, collect, collectFailure, throwsCode } from '../../support/consume.ts'
import { deferred, Gates, never, settled, turns, until } from '../../support/gates.ts'
import { range } from '../../support/sources.ts'

const numbers = (count: number) => new PipelineBuilder().addSource(range(count))
const tolerant = { maxFailures: Number.POSITIVE_INFINITY }
const atOnce = { minDelayMs: 1, jitter: false }

describe('retry', () => {
  it('makes that many attempts after the first, and tells the op which one it is', async () => {
    const attempts: number[][] = []
    const pipeline = numbers(3)
      .pipe(
        async (value, context) => {
          attempts.push([value, context.attempt])
          if (context.attempt <= value) throw new Error('again')
          return value
        },
        { retry: { retries: 2, ...atOnce } },
      )
      .build()
    assert.deepEqual(await collect(pipeline), [0, 1, 2])
    assert.deepEqual(attempts, [
      [0, 1],
      [1, 1],
      [1, 2],
      [2, 1],
      [2, 2],
      [2, 3],
    ])
    const stats = pipeline.stats().stages[1]
    assert.equal(stats?.retries, 3)
    assert.equal(stats?.failures, 0)
    assert.equal(stats?.tasks, 3)
  })

  it('may be a mere number', async () => {
    const pipeline = numbers(1)
      .pipe(
        (value, context) => {
          if (context.attempt === 1) throw new Error('again')
          return value
        },
        { retry: 1 },
      )
      .build()
    assert.deepEqual(await collect(pipeline), [0])
  })

  it('fails the item with the last error when all attempts failed, once', async () => {
    const heard: [number, string][] = []
    const pipeline = numbers(2)
      .pipe(
        (value, context): number => {
          throw new Error(`${value}, attempt ${context.attempt}`)
        },
        { retry: { retries: 3, ...atOnce } },
      )
      .build({
        ...tolerant,
        onItemError: (failed) => heard.push([failed.attempts, String(failed.error)]),
      })
    assert.deepEqual(await collect(pipeline), [])
    assert.deepEqual(heard, [
      [4, 'Error: 0, attempt 4'],
      [4, 'Error: 1, attempt 4'],
    ])
    assert.equal(pipeline.stats().stages[1]?.failures, 2)
  })

  it('asks shouldRetry whether the error is worth it', async () => {
    const attempts = { lasting: 0, passing: 0 }
    const pipeline = new PipelineBuilder()
      .addSource(['lasting', 'passing'] as const)
      .pipe(
        (kind): string => {
          attempts[kind]++
          throw new Error(kind)
        },
        {
          ...tolerant,
          retry: {
            retries: 2,
            ...atOnce,
            shouldRetry: (error) => (error as Error).message === 'passing',
          },
        },
      )
      .build()
    assert.deepEqual(await collect(pipeline), [])
    assert.deepEqual(attempts, { lasting: 1, passing: 3 })
  })

  it('waits longer from attempt to attempt', async () => {
    const times: number[] = []
    const pipeline = numbers(1)
      .pipe(
        (): number => {
          times.push(performance.now())
          throw new Error('again')
        },
        {
          ...tolerant,
          retry: { retries: 3, minDelayMs: 20, factor: 2, maxDelayMs: 50, jitter: false },
        },
      )
      .build()
    await collect(pipeline)
    const delays = times.slice(1).map((time, position) => time - (times[position] as number))
    for (const [position, least] of [20, 40, 50].entries()) {
      assert.ok(
        (delays[position] as number) >= least - 2,
        `${delays} ms, at least 20, 40, 50 wanted`,
      )
    }
  })

  it('holds the slot while it waits', async () => {
    const begun: number[] = []
    const pipeline = numbers(3)
      .pipe(
        (value, context) => {
          begun.push(value)
          if (context.attempt === 1) throw new Error('again')
          return value
        },
        { retry: { retries: 1, minDelayMs: 10 } },
      )
      .build()
    assert.deepEqual(await collect(pipeline), [0, 1, 2])
    assert.deepEqual(begun, [0, 0, 1, 1, 2, 2])
  })

  it('does not hold up a stop', async () => {
    let attempts = 0
    const pipeline = numbers(3)
      .pipe(
        (): number => {
          attempts++
          throw new Error('again')
        },
        { retry: { retries: 5, minDelayMs: 3_600_000, maxDelayMs: 3_600_000 } },
      )
      .build()
    const item = pipeline.getItem()
    await until(() => attempts === 1)
    await turns(5)
    const begun = performance.now()
    await pipeline.stop()
    assert.ok(performance.now() - begun < 900, 'the wait was cut short')
    assert.equal((await item).done, true)
    assert.equal(attempts, 1)
  })

  it('keeps input order', async () => {
    const pipeline = numbers(12)
      .pipe(
        (value, context) => {
          if (context.attempt <= value % 3) throw new Error('again')
          return value
        },
        { concurrency: 4, outputOrder: 'input', retry: { retries: 2, minDelayMs: 1 } },
      )
      .build()
    assert.deepEqual(await collect(pipeline), range(12))
  })

  it('starts a generator again only when it gave nothing yet', async () => {
    const pipeline = numbers(2)
      .pipe(
        function* (value, context) {
          if (value === 0 && context.attempt === 1) throw new Error('before the first output')
          yield `${value}a${context.attempt}`
          if (value === 1) throw new Error('after it')
          yield `${value}b${context.attempt}`
        },
        { ...tolerant, retry: { retries: 2, ...atOnce } },
      )
      .build()
    assert.deepEqual(await collect(pipeline), ['0a2', '0b2', '1a1'])
    assert.equal(pipeline.stats().stages[1]?.failures, 1)
  })

  it('refuses what makes no sense', () => {
    const wrong: unknown[] = [
      -1,
      1.5,
      Number.NaN,
      'often',
      { retries: -1 },
      { retries: 1, minDelayMs: -1 },
      { retries: 1, factor: 0.5 },
      { retries: 1, maxDelayMs: Number.NaN },
      { retries: 1, shouldRetry: true },
    ]
    for (const retry of wrong as RetryOptions[]) {
      throwsCode(() => numbers(1).pipe((value) => value, { retry }), 'ERR_BAD_OPTION')
    }
  })
})

describe('timeoutMs', () => {
  for (const outputOrder of ['completion', 'input'] as const) {
    it(`fails an attempt that takes longer, and aborts its signal, in ${outputOrder} order`, async () => {
      const reasons: unknown[] = []
      const heard: unknown[] = []
      const pipeline = numbers(4)
        .pipe(
          async (value, context) => {
            if (value !== 1) return value
            context.signal.addEventListener('abort', () => reasons.push(context.signal.reason))
            return never<number>()
          },
          { ...tolerant, timeoutMs: 20, concurrency: 2, outputOrder },
        )
        .build({ onItemError: (failed) => heard.push(failed.error) })
      assert.deepEqual(await collect(pipeline), [0, 2, 3])
      assert.equal(reasons.length, 1)
      assert.equal(heard.length, 1)
      assert.ok(heard[0] instanceof TimeoutError)
      assertCode(heard[0], 'ERR_TIMEOUT', /20/)
    })
  }

  it('fails the stage when there is no budget', async () => {
    const pipeline = numbers(1)
      .pipe(() => never<number>(), { timeoutMs: 10, name: 'stuck' })
      .build()
    const { failure } = await collectFailure(pipeline)
    assert.ok(failure.errors[0]?.cause instanceof TimeoutError)
    assert.equal(failure.errors[0]?.stage, 'stuck')
  })

  it('ignores what comes later: neither a result nor an error', async () => {
    const late = [deferred<number>(), deferred<number>()]
    const pipeline = numbers(3)
      .pipe((value) => late[value]?.promise ?? value, { ...tolerant, timeoutMs: 10 })
      .build()
    assert.deepEqual(await pipeline.getItem(), { done: false, value: 2 })
    late[0]?.resolve(0)
    late[1]?.reject(new Error('too late'))
    await turns(5)
    assert.deepEqual(await collect(pipeline), [])
    assert.equal(pipeline.stats().stages[1]?.failures, 2)
  })

  it('is for each attempt, and each has a signal of its own', async () => {
    const signals: AbortSignal[] = []
    const pipeline = numbers(1)
      .pipe(
        async (value, context) => {
          assert.equal(context.signal.aborted, false)
          signals.push(context.signal)
          return context.attempt < 3 ? never<number>() : value
        },
        { timeoutMs: 15, retry: { retries: 2, ...atOnce } },
      )
      .build()
    assert.deepEqual(await collect(pipeline), [0])
    assert.deepEqual(
      signals.map((signal) => signal.aborted),
      [true, true, false],
    )
  })

  it('does not count the time a result waits for its place', async () => {
    const pipeline = numbers(6)
      .pipe((value) => value, { timeoutMs: 30, concurrency: 2 })
      .build()
    pipeline.start()
    await settled(() => pipeline.stats().stages[1]?.emitted)
    await new Promise((resolve) => setTimeout(resolve, 80))
    assert.deepEqual((await collect(pipeline)).sort(), range(6))
  })

  it('bounds each step of a generator', async () => {
    const pipeline = numbers(2)
      .pipe(
        async function* (value) {
          yield `${value}a`
          if (value === 0) await never()
          yield `${value}b`
        },
        { ...tolerant, timeoutMs: 20 },
      )
      .build()
    assert.deepEqual(await collect(pipeline), ['0a', '1a', '1b'])
    assert.equal(pipeline.stats().stages[1]?.failures, 1)
  })

  it('leaves alone what is in time', async () => {
    const gates = new Gates<number>()
    const pipeline = numbers(3)
      .pipe(
        async (value) => {
          await gates.wait(value)
          return value
        },
        { timeoutMs: 60_000, concurrency: 3 },
      )
      .build()
    const items = collect(pipeline)
    await until(() => gates.waiting.length === 3)
    gates.open(0, 1, 2)
    assert.deepEqual((await items).sort(), [0, 1, 2])
  })
})
