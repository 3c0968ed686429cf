import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { model } from '@spindle/models'
import {
  PipelineBuilder,
  type PipelineFailure,
  runPipelineInProcess,
  runPipelineInWorker,
  workerModule,
  workers,
} from 'spindle'
import type * as Backends from '../backends.ts'

const backends = workerModule<typeof Backends>(import.meta.resolve('../backends.js'))
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

for (const kind of ['thread', 'process'] as const)
  describe(`a model in a ${kind}`, () => {
    it('gives a result for each item, in input order, in batches across items', async () => {
      const stage = model(backends.doubling, {
        settings: { runMs: 2 },
        sessions: { count: 2, kind },
        batch: { max: 4 },
      })
      const pipeline = new PipelineBuilder()
        .addSource(range(50))
        .pipe(stage, { outputOrder: 'input' })
        .build()
      assert.deepEqual(
        await collect(pipeline),
        range(50).map((n) => n * 2),
      )
      const { sessions, waiting, running, failures } = stage.stats()
      const items = sessions.reduce((sum, session) => sum + session.items, 0)
      const batches = sessions.reduce((sum, session) => sum + session.batches, 0)
      assert.equal(items, 50)
      assert.ok(batches < 50, `${batches} batches`)
      assert.deepEqual([waiting, running, failures], [0, 0, 0])
      assert.equal(sessions[0]?.provider, 'fake')
    })

    it('finds the item that kills its session, and runs the others again', async () => {
      const failed: unknown[] = []
      const stage = model(backends.doubling, { sessions: { count: 1, kind }, batch: { max: 4 } })
      const pipeline = new PipelineBuilder()
        .addSource([1, 2, -2, 3, 4, 5])
        .pipe(stage, { outputOrder: 'input' })
        .build({
          maxFailures: 1,
          onItemError: ({ index, error }) =>
            failed.push([index, (error as { code?: unknown }).code]),
        })
      assert.deepEqual(await collect(pipeline), [2, 4, 6, 8, 10])
      assert.deepEqual(failed, [[2, 'ERR_WORKER_DIED']])
    })

    it('replaces a session whose run takes too long', async () => {
      const pipeline = new PipelineBuilder()
        .addSource([1, -3, 2, 3])
        .pipe(
          model(backends.doubling, {
            sessions: { count: 1, kind, graceMs: 50 },
            batch: { max: 1 },
          }),
          { timeoutMs: 500, outputOrder: 'input' },
        )
        .build({ maxFailures: 1 })
      assert.deepEqual(await collect(pipeline), [2, 4, 6])
    })

    it('ends while a run is in progress', async () => {
      const pipeline = new PipelineBuilder()
        .addSource([1, -3, 2])
        .pipe(
          model(backends.doubling, {
            sessions: { count: 1, kind, graceMs: 50 },
            batch: { max: 1 },
          }),
        )
        .build()
      assert.equal((await pipeline.getItem()).value, 2)
      await pipeline.stop({ mode: 'abort' })
    })
  })

describe('a process of a model that is killed', () => {
  it('is replaced, and its items are run again', async () => {
    const stage = model(backends.sizes, { sessions: { count: 1, kind: 'process' } })
    const pipeline = new PipelineBuilder()
      .addSource(range(400).map((n) => ({ n })))
      .pipe(stage, { concurrency: 8 })
      .build()
    const seen: number[] = []
    const pids = new Set<number>()
    for await (const { n, pid } of pipeline) {
      if (pids.size === 0) process.kill(pid, 'SIGKILL')
      pids.add(pid)
      seen.push(n)
    }
    assert.deepEqual(
      seen.sort((a, b) => a - b),
      range(400),
    )
    assert.ok(pids.size >= 2)
  })
})

describe('model()', () => {
  it('fails only the item that fails alone, with its lineage', async () => {
    const failed: unknown[] = []
    const pipeline = new PipelineBuilder()
      .addSource(range(20).map((n) => (n === 13 ? -1 : n)))
      .pipe(model(backends.doubling, { sessions: 1, batch: { max: 8 } }), {
        outputOrder: 'input',
      })
      .build({
        maxFailures: 1,
        onItemError: ({ index, item, error }) =>
          failed.push([index, item, (error as { code?: unknown }).code]),
      })
    const rest = range(20).filter((n) => n !== 13)
    assert.deepEqual(
      await collect(pipeline),
      rest.map((n) => n * 2),
    )
    assert.deepEqual(failed, [[13, -1, 'ERR_POISON']])
  })

  it('runs without a pipeline, and shares batches between calls', async () => {
    await using stage = model(backends.sizes, { sessions: 1 })
    const [one, other] = await Promise.all([stage.run({ n: 1 }), stage.run({ n: 2 })])
    assert.deepEqual([one.n, one.size, other.n, other.size], [1, 2, 2, 2])
  })

  it('separates items by bucketBy, and fills batches within waitMs', async () => {
    await using stage = model(backends.sizes, {
      sessions: 1,
      batch: { max: 3, waitMs: 5, bucketBy: ({ n }) => n % 2 },
    })
    const results = await Promise.all(range(5).map((n) => stage.run({ n })))
    assert.deepEqual(
      results.map(({ size }) => size),
      [3, 2, 3, 2, 3],
    )
  })

  it('does not let runs of a session overlap', async () => {
    await using stage = model(backends.waiting, { sessions: 1, batch: false })
    const results = await Promise.all(range(20).map((n) => stage.run(n)))
    assert.deepEqual(
      results,
      range(20).map((n) => n + 1),
    )
  })

  it('takes inputs of items and makes results of outputs', async () => {
    const pipeline = new PipelineBuilder()
      .addSource([{ id: 'a', value: 4 }])
      .pipe(
        model(backends.doubling, {
          sessions: 1,
          inputs: (item: { readonly id: string; readonly value: number }) => item.value,
          result: (output, { id }) => ({ id, output }),
        }),
      )
      .build()
    assert.deepEqual(await collect(pipeline), [{ id: 'a', output: 8 }])
  })

  it('moves large arrays into the thread, leaves small ones, and copies on request', async () => {
    const array = (length: number) =>
      ({ data: new Float32Array(length).fill(1), dtype: 'float32', shape: [length] }) as const
    const [large, small, kept] = [array(8192), array(8), array(8192)]
    await using moving = model(backends.sums, { sessions: 1 })
    await using copying = model(backends.sums, { sessions: 1, transfer: false })
    assert.deepEqual(
      await Promise.all([moving.run(large), moving.run(small), copying.run(kept)]),
      [8192, 8, 8192],
    )
    assert.deepEqual([large.data.length, small.data.length, kept.data.length], [0, 8, 8192])
    await assert.rejects(
      new PipelineBuilder()
        .addSource([large])
        .pipe(model(backends.sums, { sessions: 1 }))
        .build()
        .forEach(() => {}),
      /was moved away before/,
    )
  })

  it('tries an item again whose arrays had moved', async () => {
    const array = (id: number) =>
      ({ data: new Float32Array(8192).fill(id), dtype: 'float32', shape: [8192] }) as const
    const pipeline = new PipelineBuilder()
      .addSource([array(1), array(2), array(3)])
      .pipe(model(backends.flaky, { sessions: 1 }), { retry: { retries: 5, minDelayMs: 0 } })
      .build()
    assert.deepEqual(await collect(pipeline), [8192, 8192, 8192])
  })

  it('fails the stage, whatever its budget, if a session cannot be opened', async () => {
    for (const [stage, code] of [
      [model(backends.broken, { sessions: 1 }), 'ERR_MODEL_LOAD'],
      [model(backends.short, { sessions: 1 }), 'ERR_MODEL_OUTPUT'],
    ] as const) {
      const pipeline = new PipelineBuilder()
        .addSource([1, 2])
        .pipe(stage)
        .build({ maxFailures: 99 })
      const error = (await pipeline.forEach(() => {}).catch((e: unknown) => e)) as PipelineFailure
      const { cause } = error.errors[0] as PipelineFailure['errors'][0]
      assert.equal((cause as { code?: unknown }).code, code)
    }
  })

  it('tells of its sessions in the statistics and the report', async () => {
    const pipeline = new PipelineBuilder()
      .addSource(range(9))
      .pipe(model(backends.doubling, { sessions: 1, batch: { max: 4 }, name: 'doubler' }))
      .build()
    await collect(pipeline)
    const stage = pipeline.stats().stages[1]
    assert.equal(stage?.name, 'doubler')
    assert.equal(stage?.workers?.table?.rows.length, 1)
    assert.match(String(pipeline.report()), /session +batches +items +batch +fill +wait +run +on/)
  })

  it('ends its sessions with the last pipeline that uses it, and serves the next one', async () => {
    const stage = model(backends.sizes, { sessions: 1 })
    const run = () =>
      collect(
        new PipelineBuilder()
          .addSource([{ n: 1 }])
          .pipe(stage)
          .build(),
      )
    const [[first], [second]] = await Promise.all([run(), run()])
    const [third] = await run()
    assert.deepEqual([first?.n, second?.n, third?.n], [1, 1, 1])
    assert.equal(stage.stats().sessions.length, 2)
  })

  it('resumes exactly: no item is lost or given twice', async () => {
    const build = (state?: unknown) =>
      new PipelineBuilder()
        .addSource(range(40), { resume: 'skip' })
        .pipe(model(backends.doubling, { sessions: 1, batch: { max: 4 } }))
        .build({ resumable: true, state: state as never })
    const first = build()
    const seen: number[] = []
    for await (const item of first) {
      seen.push(item)
      if (seen.length === 17) break
    }
    const state = first.state()
    await first.stop()
    // The item that the loop had when it ended is not committed.
    const rest = await collect(build(state))
    const all = [...seen.slice(0, 16), ...rest]
    assert.deepEqual(
      all.sort((a, b) => a - b),
      range(40).map((n) => n * 2),
    )
  })

  it('runs in a pipeline that has a thread or process of its own', async () => {
    const href = import.meta.resolve('../placed-pipeline.js')
    for (const run of [runPipelineInWorker, runPipelineInProcess]) {
      await using pipeline = run<number>(href, { export: 'doubled' })
      assert.deepEqual(await collect(pipeline), [2, 4, 6, 8, 10])
    }
  })

  it('refuses wrong options and regions with a word of advice', () => {
    assert.throws(
      () => model('x.onnx', { batch: { max: 0 } }),
      /`batch.max` must be an integer >= 1/,
    )
    assert.throws(() => model('https://host/x.onnx'), /Download a remote model first/)
    const region = new PipelineBuilder().addSource([1]).to(workers({ count: 1 }))
    assert.throws(
      () => region.pipe(model(backends.doubling)),
      /an op with workers of its own cannot run: end the region before it with to\(MAIN\)/,
    )
    assert.throws(() => model('x.onnx', { sesions: 1 } as never), /did you mean `sessions`/)
  })
})
