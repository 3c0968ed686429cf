import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { threadId } from 'node:worker_threads'
import {
  InfrastructureError,
  type ItemError,
  MAIN,
  merge,
  PipelineBuilder,
  workerModule,
  workers,
} from 'spindle'
import { assertCode, collect, collectFailure } from '../../support/consume.ts'
import { range } from '../../support/sources.ts'
import type * as Exits from './fixtures/exits.ts'
import { byNumber, kinds, ops, sorted } from './support.ts'

for (const kind of kinds) {
  describe(`a region of ${kind === 'thread' ? 'threads' : 'processes'}`, () => {
    it('runs its stages in one worker for each item, and values between them need not cross', async () => {
      const seen = await collect(
        new PipelineBuilder()
          .addSource(range(40))
          .to(workers({ count: 2, kind }))
          .pipe(ops.wrap)
          .pipe(ops.unwrap)
          .to(MAIN)
          .pipe((found) => ({ ...found, caller: [threadId, process.pid] }))
          .build(),
      )
      assert.deepEqual(seen.map(({ value }) => value).sort(byNumber), range(40))
      for (const { threads, isMainThread, pid } of seen) {
        assert.equal(threads[0], threads[1])
        assert.equal(isMainThread, kind === 'process')
        assert.equal(pid === process.pid, kind === 'thread')
      }
    })

    it('gives bytes whole, what tables hold any number of times', async () => {
      const table = [new Uint8Array([1, 2]), new Uint8Array([3, 4, 5])]
      const given = await collect(
        new PipelineBuilder()
          .addSource([0, 1, 0, 1, 1])
          .to(workers({ count: 1, kind, outputOrder: 'input' }))
          .pipe(table)
          .to(MAIN)
          .pipe((bytes) => [...bytes])
          .build(),
      )
      assert.deepEqual(given, [
        [1, 2],
        [3, 4, 5],
        [1, 2],
        [3, 4, 5],
        [3, 4, 5],
      ])
      const sums = await collect(
        new PipelineBuilder()
          .addSource([new Uint8Array([1, 1]), new Uint8Array([2, 3]).subarray(1)])
          .to(workers({ count: 1, kind, outputOrder: 'input' }))
          .pipe(ops.sumOf)
          .pipe(
            new Map([
              [2, 100],
              [3, 200],
            ]),
          )
          .pipe(ops.picture)
          .build(),
      )
      assert.deepEqual(
        sums.map(({ length }) => length),
        [100, 200],
      )
    })

    it('has an item fail whose result, or which itself, cannot cross; the rest goes on', async () => {
      const failed: ItemError[] = []
      const given = await collect(
        new PipelineBuilder()
          .addSource<unknown>([0, 1, 2, () => 5, 3, 4])
          .to(workers({ count: 1, kind, name: 'mine', maxFailures: 3 }))
          .pipe(ops.giveFunction as never)
          .build({ onItemError: (failure) => void failed.push(failure) }),
      )
      assert.deepEqual(given.sort(), [1, 2, 4])
      assert.equal(failed.length, 3)
      for (const { stage, error } of failed) {
        assert.equal(stage, 'mine')
        assertCode(error, 'ERR_NOT_TRANSFERABLE')
      }
      const messages = failed.map(({ error }) => (error as Error).message).join()
      assert.match(messages, /result.*\.meta\[1\]/)
      assert.match(messages, /item cannot cross/)
    })

    it('fails the pipeline if it cannot start', async () => {
      const exits = workerModule<typeof Exits>(import.meta.resolve('./fixtures/exits.js'))
      const source = new PipelineBuilder().addSource(range(5))
      for (const [builder, message] of [
        [source.to(workers({ count: 1, kind, init: ops.failToSetUp })).pipe(ops.inc), /no licence/],
        [
          source.to(workers({ count: 1, kind })).pipe(exits.never),
          /cannot be started: exit code 5/,
        ],
      ] as const) {
        const { failure } = await collectFailure(
          builder.build({ maxFailures: Number.POSITIVE_INFINITY }),
        )
        assert.match(String(failure.errors[0]?.cause), message)
        assert.ok(failure.errors[0]?.cause instanceof InfrastructureError)
      }
    })
  })
}

describe('a region', () => {
  it('calls init once in each worker, and then the modules of its ops', async () => {
    const counts = await collect(
      new PipelineBuilder()
        .addSource(range(20))
        .to(workers({ count: 2, init: ops.setUp as never }))
        .pipe(ops.countSetUps)
        .build(),
    )
    assert.deepEqual(new Set(counts), new Set([1]))
  })

  it('that names what is not there fails the pipeline, saying what is', async () => {
    const missing = (ops as unknown as { nothing: typeof ops.inc }).nothing
    const { failure } = await collectFailure(
      new PipelineBuilder()
        .addSource([1])
        .to(workers({ count: 1 }))
        .pipe(missing)
        .build(),
    )
    assertCode(
      failure.errors[0]?.cause,
      'ERR_WORKER_MODULE',
      /there is no export nothing in .*it exports .*double/,
    )
  })

  it('gives ops the context they have inline', async () => {
    const inner = (builder: PipelineBuilder<number>) =>
      builder
        .pipe(ops.spread, { name: 'spread' })
        .pipe(ops.context, { name: 'draw', concurrency: 3 })
    const local = await import('./fixtures/ops.ts')
    const before = (n: number) => n + 1
    const inline = await collect(
      new PipelineBuilder()
        .addSource(range(20))
        .pipe(before)
        .pipe(local.spread, { name: 'spread' })
        .pipe(local.context, { name: 'draw', concurrency: 3 })
        .build({ seed: 7 }),
    )
    const region = await collect(
      inner(
        new PipelineBuilder()
          .addSource(range(20))
          .pipe(before)
          .to(workers({ count: 3 })),
      ).build({ seed: 7 }),
    )
    // It has a number for itself.
    assert.deepEqual(
      sorted(region),
      sorted(inline.map((drawn) => ({ ...drawn, id: drawn.id + 1 }))),
    )
    assert.ok(new Set(region.map(({ random }) => random)).size > 20)
  })

  it('carries lineage on: what generators before it have spread, and ops after it draw', async () => {
    const local = await import('./fixtures/ops.ts')
    const around = (isRegion: boolean) => {
      const spread = new PipelineBuilder().addSource(range(12)).pipe(local.spread, { name: 'one' })
      const inside = isRegion
        ? spread
            .to(workers({ count: 2 }))
            .pipe(ops.spread, { name: 'two' })
            .pipe(ops.addRandom, { name: 'in' })
            .to(MAIN)
        : spread.pipe(local.spread, { name: 'two' }).pipe(local.addRandom, { name: 'in' })
      return inside.pipe(local.addRandom, { name: 'out' }).build({ seed: 3 })
    }
    assert.deepEqual(sorted(await collect(around(true))), sorted(await collect(around(false))))
  })

  it('may follow another one, stand in a merge and in the paths of variants', async () => {
    const place = () => workers({ count: 1 })
    const twice = new PipelineBuilder()
      .addSource(range(10))
      .to(place())
      .pipe(ops.inc)
      .to(workers({ count: 1, kind: 'process' }))
      .pipe(ops.double)
      .to(MAIN)
      .pipe((n) => n + 1)
      .to(place())
      .pipe(ops.inc)
    assert.deepEqual(
      (await collect(twice.build())).sort(byNumber),
      range(10).map((n) => (n + 1) * 2 + 2),
    )
    const merged = merge(
      new PipelineBuilder().addSource([1, 2]).to(place()).pipe(ops.double),
      new PipelineBuilder().addSource([3]).pipe((n) => n),
    )
    assert.deepEqual((await collect(merged.build())).sort(byNumber), [2, 3, 4])
    const routed = new PipelineBuilder()
      .addSource(range(9))
      .pathVariants(
        (n) => n % 2,
        [(path) => path.to(place()).pipe(ops.double), (path) => path.pipe((n) => -n)],
      )
    assert.deepEqual(
      (await collect(routed.build())).sort(byNumber),
      [-7, -5, -3, -1, 0, 4, 8, 12, 16],
    )
    const batched = new PipelineBuilder()
      .addSource([[1, 2, 3], [4, 5], [6]])
      .pathVariants(
        (batch) => batch.map((n) => n % 2),
        [(path) => path.to(place()).pipe(ops.doubleAll), (path) => path.pipe((odd) => odd)],
        { batched: true },
      )
    assert.deepEqual(await collect(batched.build()), [[4, 1, 3], [8, 5], [12]])
  })

  it('routes within its workers', async () => {
    const routed = new PipelineBuilder()
      .addSource(range(30))
      .to(workers({ count: 2 }))
      .pathVariants(ops.parity, [
        (path) => path.pipe(ops.double),
        (path) =>
          path.pathVariants(ops.parity, [
            (even) => even.pipe(ops.inc),
            (odd) => odd.pipe(ops.spread),
          ]),
      ])
    const expected = range(30).flatMap((n) =>
      n % 2 === 0 ? [n * 2] : Array.from({ length: n % 4 }, (_, i) => n * 10 + i),
    )
    assert.deepEqual((await collect(routed.build())).sort(byNumber), expected.sort(byNumber))
  })

  it('makes batches in each of its workers, and gives what is left at the end', async () => {
    const one = new PipelineBuilder()
      .addSource(range(10))
      .to(workers({ count: 1 }))
      .aggregate(4)
    assert.deepEqual(await collect(one.build()), [
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ])
    const dropped = new PipelineBuilder()
      .addSource(range(10))
      .to(workers({ count: 1 }))
      .aggregate(4, { dropLast: true })
    assert.equal((await collect(dropped.build())).length, 2)
    const three = new PipelineBuilder()
      .addSource(range(50))
      .to(workers({ count: 3 }))
      .aggregate(4)
      .pipe(ops.doubleAll)
    const batches = await collect(three.build())
    assert.deepEqual(
      batches.flat().sort(byNumber),
      range(50).map((n) => n * 2),
    )
    assert.ok(batches.filter(({ length }) => length < 4).length <= 3)
  })

  it('makes aggregators of its own in each worker, those too that fill several batches at once', async () => {
    for (const outputOrder of ['completion', 'input'] as const) {
      const batches = await collect(
        new PipelineBuilder()
          .addSource(range(26))
          .to(workers({ count: 2, outputOrder }))
          .aggregate(ops.byParity)
          .build(),
      )
      assert.deepEqual(batches.flat().sort(byNumber), range(26))
    }
  })

  it('loses nothing where one worker stalls', async () => {
    const done = new SharedArrayBuffer(4)
    const items = range(60).map((n) => ({ n, done }))
    const given = await collect(
      new PipelineBuilder()
        .addSource(items, { buffer: 1 })
        .to(workers({ count: 2, buffer: 1 }))
        .pipe(ops.stallUntilMost, { buffer: 1 })
        .addSink(1)
        .build(),
    )
    // The other worker has gone on meanwhile, or this would never have come to its end.
    assert.deepEqual(given.sort(byNumber), range(60))
  })

  it('has bounded queues: it takes little more than what the consumer takes', async () => {
    let pulled = 0
    function* source() {
      for (;;) yield pulled++
    }
    const pipeline = new PipelineBuilder()
      .addSource(source)
      .to(workers({ count: 2 }))
      .pipe(ops.spread)
      .pipe(ops.inc)
      .to(MAIN)
      .build()
    await pipeline.getItem()
    let last = -1
    while (pulled !== last) {
      last = pulled
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    assert.ok(pulled < 400, `pulled ${pulled}`)
    await pipeline.stop()
  })
})
