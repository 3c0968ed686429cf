import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PipelineBuilder } from 'spindle'
import { collect, collectFailure } from '../support/consume.ts'
import { range } from '../support/sources.ts'

const numbers = (count: number) => new PipelineBuilder().addSource(range(count))
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

describe('stats', () => {
  it('names source, stages and sink in order, and counts what passed', async () => {
    const pipeline = numbers(10)
      .pipe(
        (value) => {
          if (value === 4) throw new Error('four')
          return value % 2 === 0 ? value : undefined
        },
        { name: 'evens', maxFailures: 1 },
      )
      .aggregate(3)
      .build()
    assert.deepEqual(await collect(pipeline), [[0, 2, 6], [8]])
    const { stages, elapsedMs } = pipeline.stats()
    assert.equal(stages.length, 4)
    assert.ok(elapsedMs > 0)
    const [source, evens, aggregate] = stages
    assert.equal(source?.emitted, 10)
    assert.equal(evens?.name, 'evens')
    assert.deepEqual(
      {
        tasks: evens?.tasks,
        failures: evens?.failures,
        skipped: evens?.skipped,
        emitted: evens?.emitted,
      },
      { tasks: 10, failures: 1, skipped: 5, emitted: 4 },
    )
    assert.equal(evens?.running, 0)
    assert.match(aggregate?.name ?? '', /aggregate/)
    assert.equal(aggregate?.emitted, 2)
    for (const stage of stages) assert.equal(stage.queue.size, 0)
    assert.equal(evens?.queue?.items, 4)
  })

  it('tells the time that a queue was empty and full', async () => {
    const pipeline = numbers(20)
      .pipe(async (value) => value, { name: 'quick' })
      .pipe(
        async (value) => {
          await pause(5)
          return value
        },
        { name: 'slow' },
      )
      .build()
    await collect(pipeline)
    const { stages, elapsedMs } = pipeline.stats()
    const quick = stages.find((stage) => stage.name === 'quick')?.queue
    const slow = stages.find((stage) => stage.name === 'slow')?.queue
    assert.ok(quick && slow)
    assert.ok(
      quick.fullMs > elapsedMs / 4,
      `full ${quick.fullMs} of ${elapsedMs} ms before the slow stage`,
    )
    assert.ok(slow.emptyMs > elapsedMs / 4, `empty ${slow.emptyMs} of ${elapsedMs} ms behind it`)
    // Not sums over something that is counted twice. To the millisecond they are not alike: the
    // clocks are stopped one after the other.
    for (const queue of [quick, slow])
      assert.ok(queue.emptyMs < 2 * elapsedMs && queue.fullMs < 2 * elapsedMs)
  })

  it('counts what went into a batch: none is lost to the figures', async () => {
    const pipeline = numbers(60)
      .pipe((value) => value, { name: 'feeding' })
      .aggregate(7)
      .build()
    await collect(pipeline)
    const [source, feeding, aggregate] = pipeline.stats().stages
    assert.equal(source?.queue.items, 60)
    assert.equal(feeding?.queue.items, 60)
    assert.equal(aggregate?.tasks, 60)
    assert.equal(aggregate?.queue.items, 9)
  })

  it('can be had at any time, before the start too', async () => {
    const pipeline = numbers(3).build()
    assert.equal(pipeline.stats().elapsedMs, 0)
    await pipeline.getItem()
    assert.equal(pipeline.stats().stages.length, 2)
    await pipeline.stop()
    const { elapsedMs } = pipeline.stats()
    await pause(5)
    assert.equal(pipeline.stats().elapsedMs, elapsedMs, 'the clock stops with the pipeline')
  })
})

describe('report', () => {
  it('names the stage that holds the others back', async () => {
    const pipeline = numbers(100)
      .pipe(async (value) => value, { name: 'quick' })
      .pipe(async (value) => pause(3).then(() => value), { name: 'slow' })
      .pipe(async (value) => value, { name: 'quick too' })
      .build()
    await collect(pipeline)
    const report = pipeline.report()
    assert.equal(report.bottleneck?.stage, 'slow')
    assert.match(String(report), /slow/)
  })

  it('names the consumer when it is the consumer', async () => {
    const pipeline = numbers(100)
      .pipe(async (value) => value, { name: 'quick' })
      .build()
    await pipeline.forEach(() => pause(3))
    assert.equal(pipeline.report().bottleneck?.stage, 'consumer')
  })

  it('names the items that failed', async () => {
    const tolerant = numbers(4)
      .pipe(
        (value) => {
          if (value === 2) throw new Error('broken header')
          return value
        },
        { name: 'decode', maxFailures: 1 },
      )
      .build()
    await collect(tolerant)
    assert.deepEqual(
      tolerant.report().failures.map(({ stage, index }) => [stage, index]),
      [['decode', 2]],
    )
    assert.match(String(tolerant.report()), /broken header/)
    const strict = numbers(1)
      .pipe((): number => {
        throw new Error('at once')
      })
      .build()
    await collectFailure(strict)
    assert.match(String(strict.report()), /at once/)
  })
})
