import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type Executor,
  type ExecutorCall,
  PipelineBuilder,
  PipelineFailure,
  ThreadPool,
  workerModule,
} from 'spindle'
import { collect } from '../../support/consume.ts'
import { range } from '../../support/sources.ts'
import { ops } from './support.ts'

const numbers = (count: number) => new PipelineBuilder().addSource(range(count))

describe('an op of workerModule()', () => {
  it('runs in threads of the pipeline, in either order', async () => {
    for (const outputOrder of ['completion', 'input'] as const) {
      const pipeline = numbers(500)
        .pipe(ops.double, { concurrency: 8, outputOrder })
        .build({ threads: 2 })
      const given = await collect(pipeline)
      if (outputOrder === 'completion') given.sort((a, b) => a - b)
      assert.deepEqual(
        given,
        [...range(500)].map((n) => n * 2),
      )
    }
  })

  it('gives in input order what ends out of order', async () => {
    const items = [60, 5, 30, 1].map((waitMs, n) => ({ n, waitMs }))
    const pipeline = new PipelineBuilder()
      .addSource(items)
      .pipe(ops.later, { concurrency: 4, outputOrder: 'input' })
      .build({ threads: 2 })
    assert.deepEqual(await collect(pipeline), [0, 1, 2, 3])
  })

  it('may be async, and many of its calls share a thread', async () => {
    const pipeline = numbers(40).pipe(ops.crowd, { concurrency: 20 }).build({ threads: 1 })
    assert.ok(Math.max(...(await collect(pipeline))) > 10)
  })

  it('drops an item by undefined', async () => {
    assert.deepEqual(
      await collect(numbers(6).pipe(ops.odd, { outputOrder: 'input' }).build({ threads: 1 })),
      [1, 3, 5],
    )
  })

  it('draws the numbers that it draws on the loop', async () => {
    const { draw } = await import('./fixtures/ops.ts')
    const here = await collect(numbers(50).pipe(draw, { name: 'draw' }).build({ seed: 5 }))
    const there = await collect(
      numbers(50)
        .pipe(ops.draw, { concurrency: 6, outputOrder: 'input' })
        .build({ seed: 5, threads: 2 }),
    )
    assert.deepEqual(there, here)
  })

  it('knows attempt, index and stage', async () => {
    const given = await collect(
      numbers(2).pipe(ops.describeContext, { name: 'who' }).build({ threads: 1 }),
    )
    assert.deepEqual(given, [
      { index: 0, attempt: 1, stage: 'who' },
      { index: 1, attempt: 1, stage: 'who' },
    ])
    const retried = numbers(3)
      .pipe(ops.thirdTime, { retry: { retries: 2, minDelayMs: 1 } })
      .build({ threads: 1 })
    assert.deepEqual(await collect(retried), [0, 1, 2])
  })

  it('is frozen data that prints in the configuration', () => {
    assert.ok(Object.isFrozen(ops.double))
    assert.equal(ops.double.exportName, 'double')
    assert.equal(ops.double, ops.double)
    assert.throws(() => (ops.double as unknown as () => void)(), TypeError)
    assert.match(
      String(numbers(1).pipe(ops.double).getConfig()),
      /pipe\(double, .*op: double of file:/,
    )
  })

  it('uses the executor given, whose run has the shape of Piscina’s', async () => {
    const calls: string[] = []
    const executor: Executor = {
      async run(item: unknown, { filename, name, signal }: ExecutorCall) {
        assert.ok(signal instanceof AbortSignal)
        assert.match(filename, /fixtures\/ops\.[jt]s$/)
        calls.push(name)
        return (item as number) + 1
      },
    }
    assert.deepEqual(await collect(numbers(3).pipe(ops.double, { executor }).build()), [1, 2, 3])
    assert.deepEqual(calls, ['double', 'double', 'double'])
  })

  it('counts the time of an executor that does not tell when ops begin from the call', async () => {
    const executor: Executor = { run: () => new Promise(() => {}) }
    const pipeline = numbers(1)
      .pipe(ops.double, { executor, timeoutMs: 20, maxFailures: 1 })
      .build()
    assert.deepEqual(await collect(pipeline), [])
    assert.equal(pipeline.stats().stages.find((stage) => stage.name === 'double')?.failures, 1)
  })

  it('is asked for at build time: a function cannot leave its thread', async () => {
    await using pool = new ThreadPool({ size: 1 })
    assert.throws(() => numbers(1).pipe((n: number) => n, { name: 'mine', executor: pool }), {
      code: 'ERR_BAD_OPTION',
      message: /export the function from a module.*workerModule.*stage "mine"/,
    })
    assert.throws(() => numbers(1).pipe(ops.double, { executor: {} as Executor }), {
      code: 'ERR_BAD_OPTION',
    })
    assert.throws(() => workerModule('./ops.js'), {
      code: 'ERR_BAD_OPTION',
      message: /import\.meta\.resolve/,
    })
  })
})

describe('an executor that is broken', () => {
  const failing = async (op: typeof ops.double) => {
    const pipeline = numbers(20)
      .pipe(op, { concurrency: 4, maxFailures: Infinity, retry: 3 })
      .build({ threads: 2 })
    const failure = await collect(pipeline).then(
      () => assert.fail('the pipeline did not fail'),
      (error: unknown) => error,
    )
    assert.ok(failure instanceof PipelineFailure)
    assert.equal(failure.errors[0]?.failures, 0)
    return failure.errors[0]?.cause as { code: string; message: string }
  }

  it('fails the stage whatever its budget: no such module', async () => {
    const missing = workerModule<{ double(n: number): number }>(
      import.meta.resolve('./fixtures/missing.js'),
    )
    const cause = await failing(missing.double)
    assert.equal(cause.code, 'ERR_WORKER_MODULE')
    assert.match(cause.message, /missing\.[jt]s.*build it/)
  })

  it('fails the stage whatever its budget: no such export', async () => {
    const { renamed } = ops as unknown as { renamed: typeof ops.double }
    const cause = await failing(renamed)
    assert.equal(cause.code, 'ERR_WORKER_MODULE')
    assert.match(cause.message, /no export renamed .* exports .*double/)
  })

  it('fails the stage whatever its budget: the set-up of the module fails', async () => {
    const href = import.meta.resolve('./fixtures/ops.js')
    const cause = await failing(
      workerModule<{ double(n: number): number }>(href, { init: 'failToSetUp' }).double,
    )
    assert.equal(cause.code, 'ERR_WORKER_START')
    assert.match(cause.message, /no licence/)
  })
})
