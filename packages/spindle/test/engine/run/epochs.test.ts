import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { merge, type Pipeline, PipelineBuilder } from 'spindle'
import { collect, take } from '../../support/consume.ts'
import { deferred, settled, turns, until } from '../../support/gates.ts'
import { range } from '../../support/sources.ts'

const continuous = { continuous: true }
const numbers = (count: number) => new PipelineBuilder().addSource(range(count), continuous)
const ended = { done: true, value: undefined }

/** Iterates `count` epochs, and stops. */
async function epochs<T>(pipeline: Pipeline<T>, count: number): Promise<T[][]> {
  const all: T[][] = []
  for (let epoch = 0; epoch < count; epoch++) all.push(await collect(pipeline))
  await pipeline.stop()
  return all
}

const thrice = <T>(items: T): T[] => [items, items, items]

describe('a continuous source', () => {
  it('is iterated again and again: each loop over the pipeline is an epoch', async () => {
    assert.deepEqual(await epochs(numbers(5).build(), 3), thrice(range(5)))
  })

  it('may have epochs of one item, or of none', async () => {
    assert.deepEqual(await epochs(numbers(1).build(), 3), [[0], [0], [0]])
    assert.deepEqual(await epochs(numbers(0).build(), 3), [[], [], []])
  })

  it('may be a function, which is called once an epoch', async () => {
    let calls = 0
    const sync = new PipelineBuilder().addSource(function* () {
      const epoch = calls++
      yield `${epoch}a`
      yield `${epoch}b`
    }, continuous)
    assert.deepEqual(await epochs(sync.build(), 3), [
      ['0a', '0b'],
      ['1a', '1b'],
      ['2a', '2b'],
    ])
    let asyncCalls = 0
    const async = new PipelineBuilder().addSource(async function* () {
      const epoch = asyncCalls++
      yield epoch
    }, continuous)
    assert.deepEqual(await epochs(async.build(), 3), [[0], [1], [2]])
  })

  it('ends forEach and chunks with the epoch, and getItem says so once', async () => {
    const pipeline = numbers(3).build()
    const seen: number[] = []
    await pipeline.forEach((item) => void seen.push(item))
    assert.deepEqual(seen, [0, 1, 2])
    assert.deepEqual((await collect(pipeline.chunks(2))).flat(), [0, 1, 2])
    for (const value of range(3)) assert.deepEqual(await pipeline.getItem(), { done: false, value })
    assert.deepEqual(await pipeline.getItem(), ended)
    assert.deepEqual(await pipeline.getItem(), { done: false, value: 0 })
    await pipeline.stop()
  })

  it('leaves an iterator that ended as it is', async () => {
    const pipeline = numbers(2).build()
    const iterator = pipeline[Symbol.asyncIterator]()
    assert.deepEqual(await collect({ [Symbol.asyncIterator]: () => iterator }), [0, 1])
    for (let again = 0; again < 3; again++) assert.deepEqual(await iterator.next(), ended)
    assert.deepEqual(await collect(pipeline), [0, 1])
    await pipeline.stop()
  })

  it('goes on within the epoch after break', async () => {
    const pipeline = numbers(6)
      .pipe(async (value) => value)
      .build()
    assert.deepEqual(await take(pipeline, 2), [0, 1])
    assert.deepEqual(await collect(pipeline), [2, 3, 4, 5])
    assert.deepEqual(await collect(pipeline), range(6))
    await pipeline.stop()
  })

  it('is prepared for the next epoch while the consumer is between two', async () => {
    let opened = 0
    const pipeline = new PipelineBuilder()
      .addSource(() => {
        opened++
        return range(4)
      }, continuous)
      .build()
    assert.deepEqual(await collect(pipeline), range(4))
    await settled(() => opened)
    assert.equal(opened, 2)
    await pipeline.stop()
  })

  it('is closed when the pipeline stops: in an epoch, between two, behind stages', async () => {
    for (const taken of [2, 5, 7]) {
      for (const mode of ['drain', 'discard', 'abort'] as const) {
        let open = 0
        const pipeline = new PipelineBuilder()
          .addSource(function* () {
            open++
            try {
              yield* range(5)
            } finally {
              open--
            }
          }, continuous)
          .pipe(async (value) => value, { concurrency: 2 })
          .build()
        for (let left = taken; left > 0; left -= 5) await take(pipeline, Math.min(left, 5))
        await pipeline.stop({ mode })
        assert.equal(open, 0)
      }
    }
  })

  it('counts its items anew in each epoch', async () => {
    const pipeline = numbers(3)
      .pipe((_, context) => context.index)
      .build()
    assert.deepEqual(await epochs(pipeline, 3), thrice([0, 1, 2]))
  })
})

describe('epochs do not mix', () => {
  it('behind stages with several calls in flight', async () => {
    let epoch = 0
    const pipeline = new PipelineBuilder()
      .addSource(() => {
        const base = 100 * epoch++
        return range(10, base)
      }, continuous)
      .pipe(
        async (value) => {
          await turns((value * 7) % 4)
          return value
        },
        { concurrency: 4 },
      )
      .pipe(async (value) => value, { concurrency: 3 })
      .build()
    const all = await epochs(pipeline, 4)
    all.forEach((items, each) => {
      assert.deepEqual(
        items.sort((a, b) => a - b),
        range(10, 100 * each),
      )
    })
  })

  it('in a stage: the calls of one end before the next begins', async () => {
    const slow = deferred()
    const begun: string[] = []
    let epoch = 0
    const pipeline = new PipelineBuilder()
      .addSource(() => {
        const name = epoch++
        return [`${name}a`, `${name}b`]
      }, continuous)
      .pipe(
        async (item) => {
          begun.push(item)
          if (item === '0a') await slow.promise
          return item
        },
        { concurrency: 8, buffer: 8 },
      )
      .build()
    const first = collect(pipeline)
    await settled(() => begun.length)
    assert.deepEqual(begun, ['0a', '0b'])
    slow.resolve()
    assert.deepEqual((await first).sort(), ['0a', '0b'])
    await until(() => begun.length > 2)
    await pipeline.stop()
  })

  it('in batches: each epoch is flushed, or its rest left out', async () => {
    const whole = [
      [0, 1, 2],
      [3, 4, 5],
    ]
    assert.deepEqual(await epochs(numbers(6).aggregate(3).build(), 3), thrice(whole))
    const rest = [
      [0, 1, 2],
      [3, 4],
    ]
    assert.deepEqual(await epochs(numbers(5).aggregate(3).build(), 3), thrice(rest))
    assert.deepEqual(
      await epochs(numbers(5).aggregate(3, { dropLast: true }).build(), 3),
      thrice([[0, 1, 2]]),
    )
  })

  it('in an aggregator: flush is called at each boundary, with dropLast too, but not at the end', async () => {
    let flushes = 0
    const make = () => {
      const held: number[] = []
      const takeAll = () => held.splice(0)
      return {
        accumulate(item: number): number[] | undefined {
          held.push(item)
          return held.length === 2 ? takeAll() : undefined
        },
        flush(): number[] | undefined {
          flushes++
          return held.length > 0 ? takeAll() : undefined
        },
      }
    }
    assert.deepEqual(await epochs(numbers(3).aggregate(make).build(), 2), [
      [[0, 1], [2]],
      [[0, 1], [2]],
    ])
    assert.ok(flushes >= 2)
    flushes = 0
    assert.deepEqual(
      await epochs(numbers(3).aggregate(make, { dropLast: true }).build(), 3),
      thrice([[0, 1]]),
    )
    assert.ok(flushes >= 2, 'to reset the state')
  })

  it('behind a merge, which waits for all its inputs', async () => {
    const slow = deferred()
    let leftEpoch = 0
    let rightEpoch = 0
    const left = new PipelineBuilder().addSource(() => [`left ${leftEpoch++}`], continuous)
    const right = new PipelineBuilder()
      .addSource(() => [`right ${rightEpoch++}`], continuous)
      .pipe(async (item) => {
        if (item === 'right 0') await slow.promise
        return item
      })
    const pipeline = merge(left, right).build()
    const first = collect(pipeline)
    await turns(20)
    slow.resolve()
    assert.deepEqual((await first).sort(), ['left 0', 'right 0'])
    assert.deepEqual((await collect(pipeline)).sort(), ['left 1', 'right 1'])
    await pipeline.stop()
  })

  it('behind variants, though one path is slow', async () => {
    let epoch = 0
    const pipeline = new PipelineBuilder()
      .addSource(() => range(8, 100 * epoch++), continuous)
      .pathVariants(
        (value) => value % 2,
        [
          (path) =>
            path.pipe(async (value) => {
              await turns(4)
              return value
            }),
          (path) =>
            path
              .pipe((value) => value)
              .aggregate(3)
              .disaggregate(),
        ],
      )
      .build()
    const all = await epochs(pipeline, 3)
    all.forEach((items, each) => {
      assert.deepEqual(
        items.sort((a, b) => a - b),
        range(8, 100 * each),
      )
    })
  })

  it('in variants within variants, with batches in a path, and with empty epochs', async () => {
    const build = (count: number) =>
      numbers(count)
        .pathVariants(
          (value) => value % 2,
          [
            (path) => path.aggregate(2).pipe((batch) => batch.length),
            (path) =>
              path.pathVariants(
                (value) => (value < 4 ? 0 : 1),
                [
                  (inner) => inner.pipe((value) => value + 10),
                  (inner) => inner.pipe((value) => value + 20),
                ],
              ),
          ],
        )
        .build()
    const all = await epochs(build(6), 3)
    for (const items of all)
      assert.deepEqual(
        items.toSorted((a, b) => a - b),
        [1, 2, 11, 13, 25],
      )
    assert.deepEqual(await epochs(build(0), 3), [[], [], []])
  })

  it('when the last items of an epoch give nothing, though those before fill the queue', async () => {
    for (const outputOrder of ['completion', 'input'] as const) {
      for (const counts of [
        [3, 0],
        [3, 3, 0],
        [4, 0, 0],
        [0, 5, 0],
      ]) {
        const pipeline = new PipelineBuilder()
          .addSource(counts, continuous)
          .pipe(
            function* (count) {
              yield* range(count)
            },
            { concurrency: 2, buffer: 1, outputOrder },
          )
          .pipe((value) => value, { buffer: 1 })
          .build()
        const expected = counts.flatMap((count) => range(count)).sort()
        for (const items of await epochs(pipeline, 3)) assert.deepEqual(items.sort(), expected)
      }
    }
  })

  it('when nothing of an epoch is left after the filters', async () => {
    let epoch = 0
    const pipeline = new PipelineBuilder()
      .addSource(() => range(3, 10 * epoch++), continuous)
      .pipe((value) => (value >= 10 && value < 20 ? undefined : value), {
        concurrency: 2,
        outputOrder: 'input',
      })
      .build()
    assert.deepEqual(await epochs(pipeline, 3), [[0, 1, 2], [], [20, 21, 22]])
  })
})
