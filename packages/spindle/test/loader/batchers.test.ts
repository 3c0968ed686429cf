import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Aggregator, PipelineBuilder, workerModule, workers } from 'spindle'
import { batchByBytes, batchByTokens, bucketByLength } from 'spindle/loader'
import { collect, failureCause, throwsCode } from '../support/consume.ts'
import type * as Ops from './region-ops.ts'

interface Text {
  readonly position: number
  readonly length: number
}

const length = (text: Text): number => text.length
const texts = fc
  .array(fc.nat(40), { maxLength: 80 })
  .map((lengths) => lengths.map((length, position): Text => ({ position, length })))

const batched = (items: readonly Text[], how: () => Aggregator<Text, Text[]>, options = {}) =>
  collect(new PipelineBuilder().addSource(items).aggregate(how, options).build())

/** Each item once. */
function assertComplete(batches: readonly (readonly Text[])[], items: readonly Text[]): void {
  const positions = batches.flat().map(({ position }) => position)
  assert.deepEqual(
    positions.toSorted((a, b) => a - b),
    items.map(({ position }) => position),
  )
}

describe('bucketByLength', () => {
  const boundaries = [5, 10, 20]

  it('loses nothing, gives nothing twice, and keeps to buckets, sizes and the order in each', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 4, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(texts, sizes, async (items, batchSize) => {
        const batches = await batched(items, bucketByLength({ length, boundaries, batchSize }))
        assertComplete(batches, items)
        const bucketOf = ({ length }: Text): number =>
          [...boundaries, Infinity].findIndex((b) => length <= b)
        for (const batch of batches) {
          const bucket = bucketOf(batch[0]!)
          assert.ok(batch.every((item) => bucketOf(item) === bucket))
          assert.ok(batch.length <= batchSize[bucket]!)
          assert.ok(batch.every((item, at) => at === 0 || item.position > batch[at - 1]!.position))
        }
        // Only the last batch of a bucket may be short.
        for (const [bucket, size] of batchSize.entries()) {
          const ofBucket = batches.filter((batch) => bucketOf(batch[0]!) === bucket)
          assert.ok(ofBucket.slice(0, -1).every((batch) => batch.length === size))
        }
      }),
      { numRuns: 60 },
    )
  })

  it("gives the rest of all buckets in few batches with rest: 'together'", async () => {
    const items = [1, 6, 7, 11, 2, 30, 31, 12].map((length, position) => ({ position, length }))
    const options = { length, boundaries, batchSize: [4, 4, 3, 3] } as const
    const lengths = (batches: Text[][]) => batches.map((batch) => batch.map((item) => item.length))
    assert.deepEqual(
      lengths(await batched(items, bucketByLength({ ...options, rest: 'together' }))),
      [
        [12, 30, 31],
        [6, 7, 11],
        [1, 2],
      ],
    )
    assert.deepEqual(lengths(await batched(items, bucketByLength(options))), [
      [1, 2],
      [6, 7],
      [11, 12],
      [30, 31],
    ])
    await fc.assert(
      fc.asyncProperty(texts, async (items) => {
        const batches = await batched(items, bucketByLength({ ...options, rest: 'together' }))
        assertComplete(batches, items)
        assert.ok(batches.every((batch) => batch.length <= 4))
      }),
      { numRuns: 30 },
    )
  })

  it('leaves the rest out with dropLast, at the end of each epoch too', async () => {
    const items = [1, 2, 30, 3, 31].map((length, position) => ({ position, length }))
    const how = bucketByLength({ length, boundaries, batchSize: 2 })
    assert.equal((await batched(items, how, { dropLast: true })).length, 2)
    await using pipeline = new PipelineBuilder()
      .addSource(items, { continuous: true })
      .aggregate(how, { dropLast: true })
      .build()
    for (let epoch = 0; epoch < 3; epoch++)
      assert.deepEqual(
        (await collect(pipeline)).map((batch) => batch.map((item) => item.length)),
        [
          [1, 2],
          [30, 31],
        ],
      )
  })

  it('gives the whole rest at the end of an epoch, however small the queues and slow the consumer', async () => {
    const items = [1, 6, 11, 21].map((length, position) => ({ position, length }))
    await using pipeline = new PipelineBuilder()
      .addSource(items, { continuous: true, buffer: 1 })
      .aggregate(bucketByLength({ length, boundaries, batchSize: 2 }))
      .pipe(async (batch) => batch, { buffer: 1 })
      .addSink(1)
      .build()
    for (let epoch = 0; epoch < 3; epoch++) {
      const batches: Text[][] = []
      for await (const batch of pipeline) {
        await new Promise((resolve) => setImmediate(resolve))
        batches.push(batch)
      }
      assertComplete(batches, items)
      assert.equal(batches.length, 4)
    }
  })

  it('never has more of the rest waiting than its queue has places', async () => {
    const items = Array.from({ length: 20 }, (_, position) => ({ position, length: position }))
    const boundaries = items.map(({ length }) => length)
    const pipeline = new PipelineBuilder()
      .addSource(items)
      .aggregate(bucketByLength({ length, boundaries, batchSize: 2 }))
      .addSink(1)
      .build()
    const iterator = pipeline[Symbol.asyncIterator]()
    await iterator.next()
    await new Promise((resolve) => setTimeout(resolve, 20))
    const { queue } = pipeline.stats().stages.find(({ name }) => name.startsWith('aggregate'))!
    assert.ok(queue.mostItems <= 3, `${queue.mostItems} waited`)
    let rest = 0
    while (!(await iterator.next()).done) rest++
    assert.equal(rest, 19)
  })

  it('gives the rest of every bucket in the workers of a region', async () => {
    const ops = workerModule<typeof Ops>(import.meta.resolve('./region-ops.ts'))
    const words = ['a', 'bb', 'c', 'dd', 'ee', 'long', 'ff', 'fff', 'g']
    const pipeline = new PipelineBuilder()
      .addSource(words)
      .to(workers({ count: 1 }))
      .aggregate(ops.buckets)
      .build()
    const batches = await collect(pipeline)
    assert.deepEqual(batches.flat().toSorted(), words.toSorted())
    assert.equal(batches.length, 6)
  })

  it('gives the rest through task hooks', async () => {
    const items = [1, 6, 11, 21].map((length, position) => ({ position, length }))
    let tasks = 0
    const pipeline = new PipelineBuilder()
      .addSource(items)
      .aggregate(bucketByLength({ length, boundaries, batchSize: 2 }))
      .build({ hooks: [{ onTaskEnd: () => void tasks++ }] })
    assert.equal((await collect(pipeline)).length, 4)
    assert.equal(tasks, 8)
  })

  it('fails the stage for a length that is none, and says which option', async () => {
    const how = bucketByLength<Text>({ length: () => Number.NaN, boundaries, batchSize: 2 })
    const cause = await failureCause(
      new PipelineBuilder()
        .addSource([{ position: 0, length: 1 }])
        .aggregate(how)
        .build(),
    )
    assert.match(String(cause), /`length` must be a function that returns a number >= 0, got NaN/)
  })

  it('refuses wrong options when given', () => {
    const right = { length, boundaries, batchSize: 2 }
    throwsCode(() => bucketByLength({ ...right, boundaries: [] }), 'ERR_BAD_OPTION', /boundaries/)
    throwsCode(
      () => bucketByLength({ ...right, boundaries: [3, 3] }),
      'ERR_BAD_OPTION',
      /boundaries\[1\]/,
    )
    throwsCode(() => bucketByLength({ ...right, batchSize: 0 }), 'ERR_BAD_OPTION', /batchSize/)
    throwsCode(
      () => bucketByLength({ ...right, batchSize: [1, 2] }),
      'ERR_BAD_OPTION',
      /array of 4/,
    )
    throwsCode(() => bucketByLength({ ...right, rest: 'no' as 'apart' }), 'ERR_BAD_OPTION', /rest/)
    throwsCode(
      () => bucketByLength({ ...right, batchsize: 3 } as never),
      'ERR_BAD_OPTION',
      /batchsize/,
    )
  })
})

describe('batches by budget', () => {
  it('loses nothing, keeps the order, keeps the budget, and is as full as it can be', async () => {
    const options = fc.record({
      maxTokens: fc.integer({ min: 40, max: 120 }),
      maxItems: fc.integer({ min: 1, max: 10 }),
      padded: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(texts, options, async (items, { maxTokens, maxItems, padded }) => {
        const batches = await batched(items, batchByTokens({ length, maxTokens, maxItems, padded }))
        assert.deepEqual(batches.flat(), items)
        const cost = (batch: readonly Text[]): number =>
          padded
            ? Math.max(...batch.map(length)) * batch.length
            : batch.reduce((sum, item) => sum + item.length, 0)
        for (const [number, batch] of batches.entries()) {
          assert.ok(cost(batch) <= maxTokens && batch.length <= maxItems)
          const next = batches[number + 1]?.[0]
          if (next !== undefined && batch.length < maxItems)
            assert.ok(cost([...batch, next]) > maxTokens || cost(batch) === maxTokens)
        }
      }),
      { numRuns: 80 },
    )
  })

  it('counts what lengths are rounded up to', async () => {
    const items = [5, 5, 8, 9].map((length, position) => ({ position, length }))
    const how = batchByTokens<Text>({ length, maxTokens: 32, padded: true, multipleOf: 8 })
    assert.deepEqual(
      (await batched(items, how)).map((batch) => batch.map(length)),
      [[5, 5, 8], [9]],
    )
  })

  it('gives a full batch at once, without waiting for the next item', () => {
    const aggregator = batchByTokens<Text>({ length, maxTokens: 10 })()
    assert.equal(aggregator.accumulate({ position: 0, length: 4 }), undefined)
    assert.equal(aggregator.accumulate({ position: 1, length: 6 })?.length, 2)
    assert.equal(aggregator.hasRest?.(), false)
  })

  it('fails for an item above the budget, or gives it alone', async () => {
    const items = [4, 50, 5].map((length, position) => ({ position, length }))
    const source = new PipelineBuilder().addSource(items)
    const cause = await failureCause(
      source.aggregate(batchByTokens({ length, maxTokens: 10 })).build(),
    )
    assert.match(String(cause), /an item of 50 tokens is above `maxTokens` 10/)
    const how = batchByTokens<Text>({ length, maxTokens: 10, tooLarge: 'alone' })
    assert.deepEqual(
      (await batched(items, how)).map((batch) => batch.map(length)),
      [[4], [50], [5]],
    )
  })

  it('counts bytes of buffers and texts by itself', async () => {
    const items = [new Uint8Array(600), new Uint8Array(300), 'x'.repeat(100), new Uint8Array(1000)]
    const batches = await collect(
      new PipelineBuilder()
        .addSource(items)
        .aggregate(batchByBytes({ maxBytes: 1000 }))
        .build(),
    )
    assert.deepEqual(
      batches.map((batch) => batch.length),
      [2, 1, 1],
    )
    const own = batchByBytes<number>({ maxBytes: 3, bytes: (item) => item })
    assert.deepEqual(
      await collect(new PipelineBuilder().addSource([1, 2, 1]).aggregate(own).build()),
      [[1, 2], [1]],
    )
  })

  it('is the same however the items before it are timed', async () => {
    const items = Array.from({ length: 60 }, (_, position) => ({
      position,
      length: (position * 7) % 23,
    }))
    const run = (delayed: boolean) =>
      collect(
        new PipelineBuilder()
          .addSource(items)
          .pipe(
            async (item) => {
              if (delayed) for (let turn = item.position % 5; turn > 0; turn--) await null
              return item
            },
            { concurrency: 8, outputOrder: 'input' },
          )
          .aggregate(batchByTokens({ length, maxTokens: 50, padded: true }))
          .build(),
      )
    assert.deepEqual(await run(true), await run(false))
  })

  it('refuses wrong options when given', () => {
    throwsCode(() => batchByTokens({ length, maxTokens: 0 }), 'ERR_BAD_OPTION', /maxTokens/)
    throwsCode(
      () => batchByTokens({ length, maxTokens: 1, maxItems: 0 }),
      'ERR_BAD_OPTION',
      /maxItems/,
    )
    throwsCode(
      () => batchByTokens({ length, maxTokens: 1, padded: 1 as never }),
      'ERR_BAD_OPTION',
      /padded/,
    )
    throwsCode(
      () => batchByBytes({ maxBytes: 1, tooLarge: 'x' as never }),
      'ERR_BAD_OPTION',
      /tooLarge/,
    )
  })
})
