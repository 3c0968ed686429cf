import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ItemError, MAIN, PipelineBuilder, type TaskHook, workers } from 'spindle'
import { collect, collectFailure, take } from '../../support/consume.ts'
import { range } from '../../support/sources.ts'
import { byNumber, ops } from './support.ts'

describe('epochs in a region', () => {
  it('end when all workers have given what is of them', async () => {
    for (const outputOrder of ['completion', 'input'] as const) {
      const pipeline = new PipelineBuilder()
        .addSource(({ epoch }) => range(11, epoch * 100), { continuous: true })
        .to(workers({ count: 2, outputOrder }))
        .pipe(ops.late, { concurrency: 3 })
        .aggregate(4)
        .pipe(ops.doubleAll)
        .build()
      for (let epoch = 0; epoch < 3; epoch++) {
        const batches = await collect(pipeline)
        assert.deepEqual(
          batches.flat().sort(byNumber),
          range(11, epoch * 100).map((n) => n * 2),
        )
      }
      await pipeline.stop()
    }
  })

  it('may have fewer items than there are workers, or give nothing at all', async () => {
    const pipeline = new PipelineBuilder()
      .addSource(({ epoch }) => (epoch % 2 === 0 ? [epoch * 3] : []), { continuous: true })
      .to(workers({ count: 2 }))
      .pipe(ops.drop)
      .build()
    for (let epoch = 0; epoch < 4; epoch++) assert.deepEqual(await collect(pipeline), [])
    await pipeline.stop()
  })

  it('are left and gone on with, nothing lost', async () => {
    const pipeline = new PipelineBuilder()
      .addSource(() => range(20), { continuous: true })
      .to(workers({ count: 2, outputOrder: 'input' }))
      .pipe(ops.inc)
      .build()
    const first = await take(pipeline, 7)
    assert.deepEqual([...first, ...(await collect(pipeline))], range(20, 1))
    assert.deepEqual(await collect(pipeline), range(20, 1))
    await pipeline.stop()
  })

  it('draw other numbers each, and the same as inline', async () => {
    const local = await import('./fixtures/ops.ts')
    const source = () => new PipelineBuilder().addSource(() => range(5), { continuous: true })
    const region = source()
      .to(workers({ count: 2, outputOrder: 'input' }))
      .pipe(ops.addRandom)
      .build({ seed: 5 })
    const inline = source().pipe(local.addRandom).build({ seed: 5 })
    const drawn = []
    for (let epoch = 0; epoch < 2; epoch++) {
      drawn.push(await collect(region))
      assert.deepEqual(drawn[epoch], await collect(inline))
    }
    assert.notDeepEqual(drawn[0], drawn[1])
    await Promise.all([region.stop(), inline.stop()])
  })
})

describe('failures in a region', () => {
  it('are counted for the stage as a whole, whatever its workers', async () => {
    // A fifth of 50 fails: 10, about half of them in either worker.
    const build = (maxFailures: number) =>
      new PipelineBuilder()
        .addSource(range(50))
        .to(workers({ count: 2 }))
        .pipe(ops.failFifth, { maxFailures })
        .build()
    assert.equal((await collect(build(10))).length, 40)
    const { items, failure } = await collectFailure(build(9))
    assert.equal(failure.errors.length, 1)
    const [{ stage, stageId, failures, cause, message } = assert.fail()] = failure.errors
    assert.deepEqual({ stage, stageId, failures }, { stage: 'failFifth', stageId: 2, failures: 10 })
    assert.match(message, /10 failures, more than `maxFailures` 9/)
    assert.deepEqual(
      [(cause as Error).name, (cause as { code?: string }).code],
      ['RangeError', 'E_FIFTH'],
    )
    assert.ok(items.length <= 40)
  })

  it('as a share of its calls', async () => {
    const build = (rate: number) =>
      new PipelineBuilder()
        .addSource(range(100))
        .to(workers({ count: 2 }))
        .pipe(ops.failFifth, { maxFailures: { rate, minSamples: 40 } })
        .build()
    assert.equal((await collect(build(0.4))).length, 80)
    const { failure } = await collectFailure(build(0.1))
    assert.match(failure.message, /calls failed, more than `maxFailures.rate` 0\.1/)
  })

  it('come with their item, to onItemError and the dead letter, and from build() with its budget', async () => {
    const [received, letters]: ItemError[][] = [[], []]
    const given = await collect(
      new PipelineBuilder()
        .addSource(range(20))
        .to(workers({ count: 1 }))
        .pipe(ops.double)
        .pipe(ops.failFifth)
        .build({
          maxFailures: 4,
          onItemError: (failure) => void received?.push(failure),
          deadLetter: async (failure) => void letters?.push(failure),
        }),
    )
    assert.equal(given.length, 16)
    assert.deepEqual(received, letters)
    assert.deepEqual(
      received
        ?.map(({ stage, index, item }) => [stage, index, item])
        .sort(([, a], [, b]) => byNumber(a as number, b as number)),
      [1, 6, 11, 16].map((index) => ['failFifth', index, index * 2]),
    )
  })

  it('of values that cannot cross come without them', async () => {
    const received: ItemError[] = []
    await collect(
      new PipelineBuilder()
        .addSource([1])
        .to(workers({ count: 1 }))
        .pipe(ops.wrap)
        .pipe(ops.failWithFunction as never)
        .build({ maxFailures: 1, onItemError: (failure) => void received.push(failure) }),
    )
    assert.equal(received[0]?.item, undefined)
    assert.match(String(received[0]?.error), /always/)
  })

  it('in input order are counted in it: the good items before the fatal one are given, and no others', async () => {
    const { items, failure } = await collectFailure(
      new PipelineBuilder()
        .addSource(range(100))
        .to(workers({ count: 2, outputOrder: 'input' }))
        .pipe(ops.late, { concurrency: 2 })
        .pipe(ops.failFifth, { maxFailures: 2 })
        .build(),
    )
    assert.deepEqual(
      items,
      range(12).filter((n) => n % 5 !== 2),
    )
    assert.equal(failure.errors[0]?.index, 12)
  })

  it('of a router and an aggregator fail the stage, whatever its budget', async () => {
    const source = () => new PipelineBuilder().addSource(range(20)).to(workers({ count: 1 }))
    for (const [builder, stage, message] of [
      [
        source().pathVariants(ops.badRoute, [(path) => path.pipe(ops.inc)]),
        'path_variants',
        /got 9/,
      ],
      [source().aggregate(ops.brokenAggregator), 'aggregate(brokenAggregator)', /full/],
    ] as const) {
      const { failure } = await collectFailure(
        builder.build({ maxFailures: Number.POSITIVE_INFINITY }),
      )
      assert.equal(failure.errors[0]?.stage, stage)
      assert.match(String(failure.errors[0]?.cause), message)
    }
  })

  it('of a later stage end the region and its source', async () => {
    let closed = 0
    function* source() {
      try {
        for (let n = 0; ; n++) yield n
      } finally {
        closed++
      }
    }
    const { failure } = await collectFailure(
      new PipelineBuilder()
        .addSource(source)
        .to(workers({ count: 2, outputOrder: 'input' }))
        .pipe(ops.inc)
        .to(MAIN)
        .pipe((n) => {
          if (n === 30) throw new Error('enough')
          return n
        })
        .build(),
    )
    assert.match(failure.message, /enough/)
    assert.equal(closed, 1)
  })

  it('are tried again, and end at their limit', async () => {
    const pipeline = new PipelineBuilder()
      .addSource(range(12))
      .to(workers({ count: 1 }))
      .pipe(ops.flaky, { retry: { retries: 1, minDelayMs: 1 } })
      .build()
    await collect(pipeline)
    const retried = pipeline.stats().stages.find(({ name }) => name === 'flaky')
    assert.deepEqual([retried?.retries, retried?.failures, retried?.tasks], [3, 0, 12])
    const timed = new PipelineBuilder()
      .addSource([
        { n: 1, ms: 5 },
        { n: 2, ms: 30_000 },
        { n: 3, ms: 5 },
      ])
      .to(workers({ count: 1 }))
      .pipe(ops.takes, { concurrency: 3, timeoutMs: 1000 })
      .build({ maxFailures: 1 })
    assert.deepEqual((await collect(timed)).sort(byNumber), [1, 3])
    assert.equal(timed.stats().stages.find(({ name }) => name === 'takes')?.timeouts, 1)
  })
})

describe('hooks and figures of a region', () => {
  it('stage hooks are called here, once for each stage; a stage does not begin before them', async () => {
    const calls: string[] = []
    const hook: TaskHook = {
      onStageStart: async ({ name }) => {
        await new Promise((resolve) => setTimeout(resolve, 5))
        calls.push(`+${name}`)
      },
      onStageEnd: ({ name }, error) => void calls.push(`-${name}${error === undefined ? '' : '!'}`),
    }
    const builder = new PipelineBuilder()
      .addSource(range(10))
      .to(workers({ count: 1 }))
      .pipe(ops.inc)
      .pipe(ops.failFifth)
    await collect(builder.build({ hooks: [hook], maxFailures: 10 }))
    assert.deepEqual(calls.sort(), [
      '+failFifth',
      '+inc',
      '+region(inc+failFifth)',
      '-failFifth',
      '-inc',
      '-region(inc+failFifth)',
    ])
    calls.length = 0
    await collectFailure(builder.build({ hooks: [hook] }))
    assert.ok(calls.includes('-failFifth!'))
    const { failure } = await collectFailure(
      builder.build({
        hooks: ({ name }) =>
          name === 'inc'
            ? [
                {
                  onStageStart: () => {
                    throw new Error('not today')
                  },
                },
              ]
            : [],
      }),
    )
    assert.deepEqual([failure.errors[0]?.stage, failure.errors[0]?.failures], ['inc', 0])
  })

  it('figures of all workers are added up under the names of the stages', async () => {
    const pipeline = new PipelineBuilder()
      .addSource(range(30).map((n) => ({ n, ms: 10 })))
      .to(workers({ count: 2 }))
      .pipe(ops.takes)
      .pipe(ops.inc)
      .build()
    await collect(pipeline)
    const { stages } = pipeline.stats()
    assert.deepEqual(
      stages.map(({ name, concurrency, emitted }) => [name, concurrency, emitted]),
      [
        ['source', 1, 30],
        ['region(takes+inc)', 2, 30],
        ['takes', 2, 30],
        ['inc', 2, 30],
        ['sink', 1, 30],
      ],
    )
    for (const { running, queue } of stages) assert.deepEqual([running, queue.size], [0, 0])
    const takes = stages.find(({ name }) => name === 'takes')
    assert.ok(takes !== undefined && takes.meanMs >= 9 && takes.longestMs >= takes.meanMs)
    assert.match(String(pipeline.report()), /region\(takes\+inc\).*\n *takes +2 +30/)
  })
})
