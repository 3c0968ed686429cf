import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MAIN, type Pipeline, PipelineBuilder, workers } from 'spindle'
import { graphOf } from '../../../src/engine/run/pipeline.ts'
import { RegionStage } from '../../../src/workers/regions/region-stage.ts'
import { collect } from '../../support/consume.ts'
import { until } from '../../support/gates.ts'
import { range } from '../../support/sources.ts'
import { spread } from './fixtures/ops.ts'
import { byNumber, kinds, ops } from './support.ts'

const orders = ['completion', 'input'] as const
const COUNTS = [3, 1, 3, 2]

function regionOf<T>(pipeline: Pipeline<T>): RegionStage {
  const stage = graphOf(pipeline as unknown as Pipeline<never>).stages.find(
    (one) => one instanceof RegionStage,
  )
  assert.ok(stage instanceof RegionStage)
  return stage
}

/** Takes all items, or `most`, and changes the number of workers after every 25. */
async function taken<T>(pipeline: Pipeline<T>, most = Number.POSITIVE_INFINITY): Promise<T[]> {
  const { sizing } = regionOf(pipeline)
  const given: T[] = []
  for await (const item of pipeline) {
    given.push(item)
    if (given.length % 25 === 0) sizing.resize(COUNTS[(given.length / 25) % COUNTS.length] ?? 1)
    if (given.length === most) break
  }
  return given
}

describe('a region whose number of workers changes while it works', () => {
  for (const kind of kinds)
    it(`gives every item once, in either order (${kind})`, async () => {
      for (const outputOrder of kind === 'thread' ? orders : (['input'] as const)) {
        const pipeline = new PipelineBuilder()
          .addSource(range(60))
          .to(workers({ count: { max: 3 }, kind, outputOrder }))
          .pipe(ops.soon, { name: 'soon', concurrency: 2 })
          .pipe(ops.spread)
          .to(MAIN)
          .build()
        const expected = [...range(60)].flatMap((n) => [...spread(n)])
        const given = await taken(pipeline)
        if (outputOrder === 'input') assert.deepEqual(given, expected)
        else assert.deepEqual(given.toSorted(byNumber), expected.toSorted(byNumber))
      }
    })

  it('completes the batches that a surplus worker has begun', async () => {
    const pipeline = new PipelineBuilder()
      .addSource(range(160))
      .to(workers({ count: { min: 1, max: 3 } }))
      .pipe(ops.soon)
      .aggregate(4)
      .to(MAIN)
      .build()
    const batches = await taken(pipeline)
    assert.deepEqual(batches.flat().toSorted(byNumber), [...range(160)])
    // Only the end of the stream makes incomplete batches, one in each worker.
    assert.ok(batches.filter(({ length }) => length < 4).length <= 3)
  })

  it('resumes exactly', async () => {
    const builder = new PipelineBuilder()
      .addSource(Array.from(range(100)))
      .to(workers({ count: { max: 3 } }))
      .pipe(ops.soon, { concurrency: 2 })
      .to(MAIN)
    const first = builder.build({ resumable: true })
    const before = await taken(first, 60)
    first.commit(before.at(-1) as number)
    const state = first.state()
    await first.stop()
    const rest = await taken(builder.build({ resumable: true, state }))
    assert.deepEqual([...before, ...rest].toSorted(byNumber), [...range(100)])
  })

  it('has as many workers and slots as it was told, and says so', async () => {
    const pipeline = new PipelineBuilder()
      .addSource(function* () {
        for (let n = 0; ; n++) yield n
      })
      .to(workers({ count: 2, name: 'region' }))
      .pipe(ops.soon, { name: 'soon', concurrency: 2 })
      .to(MAIN)
      .build({ tune: 'continuous' })
    const stage = regionOf(pipeline)
    for (const count of [1, 2]) {
      stage.sizing.resize(count)
      for await (const _ of pipeline) if (stage.running === count) break
      await until(() => stage.running === count, 'the number of workers')
      const stats = pipeline.stats().stages
      assert.equal(stats.find(({ name }) => name === 'region')?.concurrency, count)
      const { concurrency, workers: own } = stats.find(({ name }) => name === 'soon') ?? {}
      assert.deepEqual([(concurrency ?? 0) % count, own?.count], [0, count])
      assert.equal(pipeline.tuning().options.region?.workers?.count, count)
    }
    await pipeline.stop()
  })

  it('is tuned if it has a range, and keeps one number otherwise', async () => {
    for (const [count, tuned] of [
      [{ min: 1, max: 2 }, 2],
      [2, undefined],
    ] as const) {
      const pipeline = new PipelineBuilder()
        .addSource(range(4))
        .to(workers({ count, name: 'region' }))
        .pipe(ops.double)
        .to(MAIN)
        .build()
      await collect(pipeline)
      assert.equal(pipeline.tuning().options.region?.workers?.count, tuned)
    }
  })

  it('refuses a wrong range where it is given', () => {
    for (const [count, message] of [
      [{ min: 3, max: 2 }, /`count.max` must be an integer >= `min`, which is 3, got 2/],
      [{ min: 0, max: 2 }, /`count.min` must be an integer >= 1, got 0/],
      [{}, /`count.max` must be an integer >= 1/],
    ] as const)
      assert.throws(() => workers({ count: count as never }), message)
  })
})
