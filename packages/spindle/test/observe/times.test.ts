import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  MAIN,
  PipelineBuilder,
  recordPipeline,
  runPipelineInProcess,
  type StageStats,
  statsBetween,
  workerModule,
  workers,
} from 'spindle'
import { range } from '../support/sources.ts'
import type * as Measured from './fixtures/measured.ts'
import { hold, pause, secondTime } from './fixtures/measured.ts'

const href = import.meta.resolve('./fixtures/measured.js')
const ops = workerModule<typeof Measured>(href)
const ITEMS = 8
const DELAY_MS = 10
const retry = { retries: 1, minDelayMs: DELAY_MS, jitter: false } as const
const source = (items = ITEMS) => new PipelineBuilder().addSource(range(items))

describe('waiting between the tries of an item', () => {
  const options = { name: 'flaky', concurrency: 2, retry } as const

  it('is a share of its own, and no work', async () => {
    for (const timeoutMs of [undefined, 60_000]) {
      const limited = timeoutMs === undefined ? options : { ...options, timeoutMs }
      const pipeline = source().pipe(secondTime, limited).build()
      const before = pipeline.stats()
      await pipeline.forEach(() => {})
      const interval = statsBetween(before, pipeline.stats())
      for (const { stages } of [pipeline.stats(), interval]) {
        const stage = stages[1] as StageStats
        assert.equal(stage.retries, ITEMS)
        assert.ok(stage.sums.backoffMs >= ITEMS * (DELAY_MS - 1), `${stage.sums.backoffMs} ms`)
        assert.ok(stage.shares.backoff > stage.shares.running, JSON.stringify(stage.shares))
        const all = Object.values(stage.shares).reduce((sum, share) => sum + share)
        assert.ok(Math.abs(all - 1) < 1e-9, `shares add up to ${all}`)
      }
    }
  })

  it('is seen while it lasts', async () => {
    const pipeline = source(1)
      .pipe(secondTime, { ...options, retry: { ...retry, minDelayMs: 60_000, maxDelayMs: 60_000 } })
      .build()
    const done = pipeline.forEach(() => {})
    const sumsOf = () => (pipeline.stats().stages[1] as StageStats).sums
    while (sumsOf().backoffMs <= sumsOf().busyMs) await pause(1)
    await pipeline.stop()
    await done.catch(() => {})
  })

  it('is told of stages in a region', async () => {
    const pipeline = source()
      .to(workers({ count: 1 }))
      .pipe(ops.secondTime, options)
      .to(MAIN)
      .build()
    await pipeline.forEach(() => {})
    const stage = pipeline.stats().stages.find(({ name }) => name === 'flaky') as StageStats
    assert.ok(stage.sums.backoffMs >= ITEMS * (DELAY_MS - 1), `${stage.sums.backoffMs} ms`)
  })

  it('has its columns in the report and on the page where there were any retries, and only there', async () => {
    for (const hasRetries of [true, false]) {
      const op = hasRetries ? secondTime : (n: number) => n
      const pipeline = source().pipe(op, options).build()
      const recording = recordPipeline(pipeline)
      await pipeline.forEach(() => {})
      recording.stop()
      const { table } = pipeline.report()
      const html = recording.html()
      assert.equal(/ retries\b/.test(table), hasRetries, table)
      assert.equal(/ waits /.test(table), hasRetries, table)
      if (hasRetries) assert.match(table, new RegExp(`^flaky .* % +.*\\b${ITEMS}\\b`, 'm'))
      assert.equal(html.includes('>retries</th>'), hasRetries)
      assert.equal(html.includes('>waits to retry</th>'), hasRetries)
    }
  })
})

describe('ops that hold the loop', () => {
  /** A consumer that takes no time, beside an op that holds the loop all the time. */
  const quick = {
    'for await': async (pipeline: AsyncIterable<unknown>) => {
      for await (const _ of pipeline);
    },
    'forEach with a promise': (pipeline: { forEach(call: () => unknown): Promise<void> }) =>
      pipeline.forEach(async () => {}),
    'chunks()': async (pipeline: { chunks(max: number): AsyncIterable<unknown> }) => {
      for await (const _ of pipeline.chunks(4));
    },
  }
  for (const [name, consume] of Object.entries(quick)) {
    it(`are not the consumer's time: ${name}`, async () => {
      const op = (n: number): number => {
        hold(2)
        return n
      }
      const pipeline = source(60).pipe(op).build()
      await consume(pipeline as never)
      const { consumer, stages } = pipeline.stats()
      const held = (stages[1]?.loopMs ?? 0) / pipeline.stats().elapsedMs
      assert.ok(consumer.busy < 0.3, `busy ${consumer.busy}, ops hold ${held}`)
      assert.ok(consumer.busy + consumer.waiting <= 1)
    })
  }

  it('do not hide a consumer that waits for something else meanwhile', async () => {
    const op = (n: number): number => {
      hold(1)
      return n
    }
    const pipeline = source(20).pipe(op).build()
    await pipeline.forEach(() => pause(10))
    const { consumer } = pipeline.stats()
    assert.ok(consumer.busy > 0.8, JSON.stringify(consumer))
  })

  it('do not hide a consumer that computes', async () => {
    const pipeline = source(20)
      .pipe(async (n: number) => n)
      .build()
    for await (const _ of pipeline) hold(4)
    const { consumer } = pipeline.stats()
    assert.ok(consumer.busy > 0.7, JSON.stringify(consumer))
  })
})

describe('packing items for another process', () => {
  it('is not the time of its consumer', async () => {
    await using pipeline = runPipelineInProcess<unknown>(href, { export: 'heavy' })
    for await (const _ of pipeline);
    const { consumer } = await pipeline.stats()
    assert.ok(consumer.packMs > 0)
    assert.equal(consumer.loopMs, 0)
    assert.ok(consumer.busy + consumer.waiting <= 1)
  })
})

describe('clean-up after the last output', () => {
  it('of a generator is no output', async () => {
    const op = async function* (n: number) {
      yield n
      await pause(150)
    }
    const pipeline = source(2).pipe(op, { name: 'op', concurrency: 2 }).build()
    await pipeline.forEach(() => {})
    const { longestMs, sums } = pipeline.stats().stages[1] as StageStats
    assert.ok(longestMs < 149, `longest ${longestMs} ms`)
    assert.ok(sums.busyMs >= 2 * 149, 'but it keeps a slot')
  })

  it('of a source is no item', async () => {
    const items = async function* () {
      yield* [1, 2]
      await pause(60)
    }
    const pipeline = new PipelineBuilder().addSource(items).build()
    await pipeline.forEach(() => {})
    const { longestMs, sums } = pipeline.stats().stages[0] as StageStats
    assert.ok(longestMs < 59, `longest ${longestMs} ms`)
    assert.ok(sums.busyMs >= 59)
  })
})
