import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PipelineBuilder, TimeoutError } from 'spindle'
import { collect, rejectsCode, take, throwsCode } from '../../support/consume.ts'
import { deferred, Gates, settled, turns, until } from '../../support/gates.ts'
import { range, watchedGenerator } from '../../support/sources.ts'

const numbers = (count: number) => new PipelineBuilder().addSource(range(count))
const ended = { done: true, value: undefined }

function* naturals(): Generator<number> {
  for (let value = 0; ; value++) yield value
}

describe('iterating', () => {
  it('gives all items to the first iterator and nothing to the next ones', async () => {
    const pipeline = numbers(20).addSink(1000).build()
    assert.deepEqual(await collect(pipeline), range(20))
    for (let again = 0; again < 4; again++) assert.deepEqual(await collect(pipeline), [])
    assert.deepEqual(await pipeline.getItem(), ended)
  })

  it('goes on where the last one stopped: nothing replayed, nothing lost', async () => {
    const pipeline = numbers(10).build()
    assert.deepEqual(await take(pipeline, 2), [0, 1])
    assert.deepEqual(await take(pipeline, 3), [2, 3, 4])
    assert.deepEqual(await take(pipeline, 5), [5, 6, 7, 8, 9])
    assert.deepEqual(await collect(pipeline), [])
  })

  it('goes on so for as long as wanted, through stages too', async () => {
    const pipeline = new PipelineBuilder()
      .addSource(naturals)
      .pipe(async (value) => value, { concurrency: 4, outputOrder: 'input' })
      .build()
    let expected = 0
    for (const count of [1, 7, 2, 30, 1, 1, 13]) {
      for (const item of await take(pipeline, count)) assert.equal(item, expected++)
    }
    await pipeline.stop()
  })

  it('gives a new iterator each time; one that is thrown away has no effect', async () => {
    const pipeline = numbers(4).build()
    const first = pipeline[Symbol.asyncIterator]()
    assert.notEqual(pipeline[Symbol.asyncIterator](), first)
    pipeline.iterate()
    assert.deepEqual(await first.next(), { done: false, value: 0 })
    pipeline.chunks()
    assert.deepEqual(await collect(pipeline), [1, 2, 3])
    assert.deepEqual(await first.next(), ended)
  })

  it('ends an iterator that was left: it gives nothing more', async () => {
    const pipeline = numbers(4).build()
    const iterator = pipeline[Symbol.asyncIterator]()
    await iterator.next()
    await iterator.return?.()
    assert.deepEqual(await iterator.next(), ended)
    assert.deepEqual(await collect(pipeline), [1, 2, 3])
  })

  it('answers calls of next that were made all at once, in order', async () => {
    const pipeline = numbers(3)
      .pipe(async (value) => value)
      .build()
    const iterator = pipeline[Symbol.asyncIterator]()
    const results = await Promise.all([1, 2, 3, 4, 5].map(() => iterator.next()))
    assert.deepEqual(results, [...range(3).map((value) => ({ done: false, value })), ended, ended])
  })

  it('shares the items among several iterators, each item going to exactly one', async () => {
    const pipeline = numbers(100)
      .pipe(async (value) => value, { concurrency: 3, outputOrder: 'input' })
      .build()
    const shares: number[][] = [[], [], [], []]
    await Promise.all([
      ...shares.slice(0, 2).map(async (share) => {
        for await (const item of pipeline) share.push(item)
      }),
      pipeline.forEach(async (item) => {
        await turns(1)
        shares[2]?.push(item)
      }),
      (async () => {
        for await (const chunk of pipeline.chunks(2)) shares[3]?.push(...chunk)
      })(),
    ])
    assert.deepEqual(
      shares.flat().sort((a, b) => a - b),
      range(100),
    )
    for (const share of shares)
      assert.deepEqual(
        share,
        share.toSorted((a, b) => a - b),
      )
    assert.ok(shares.filter((share) => share.length > 0).length > 1, 'the items are shared')
  })
})

describe('break', () => {
  it('pauses: the source is not pulled again until somebody consumes', async () => {
    const { source, watch } = watchedGenerator(Number.POSITIVE_INFINITY)
    const pipeline = new PipelineBuilder()
      .addSource(source)
      .pipe(async (value) => value, { concurrency: 2 })
      .build()
    await take(pipeline, 5)
    const pulls = watch.pulls
    await turns(50)
    assert.equal(watch.pulls, pulls)
    assert.equal(watch.closes, 0)
    await take(pipeline, 20)
    assert.ok(watch.pulls > pulls)
    await pipeline.stop()
    assert.equal(watch.closes, 1)
  })

  it('loses none of the items that were on the way', async () => {
    const pipeline = numbers(50)
      .pipe(async (value) => value, { concurrency: 4 })
      .pipe(function* (value) {
        yield value
        yield value + 100
      })
      .aggregate(3)
      .disaggregate()
      .build()
    const items: number[] = []
    for (let part = await take(pipeline, 7); part.length > 0; part = await take(pipeline, 7))
      items.push(...part)
    assert.deepEqual(
      items.sort((a, b) => a - b),
      [...range(50), ...range(50, 100)],
    )
  })
})

describe('forEach', () => {
  it('calls with each item, in order, and resolves at the end', async () => {
    const items: number[] = []
    await numbers(20)
      .build()
      .forEach((item) => void items.push(item))
    assert.deepEqual(items, range(20))
  })

  it('waits for a promise before the next item: backpressure', async () => {
    const { source, watch } = watchedGenerator(Number.POSITIVE_INFINITY)
    const gates = new Gates<number>()
    const pipeline = new PipelineBuilder().addSource(source).addSink(2).build()
    const end = pipeline.forEach((item) => gates.wait(item))
    await settled(() => watch.pulls)
    assert.deepEqual(gates.waiting, [0])
    assert.ok(watch.pulls <= 1 + 2 + 2 + 1)
    gates.open(0)
    await until(() => gates.waiting.includes(1))
    assert.deepEqual(gates.waiting, [1])
    gates.open(1, 2)
    await until(() => gates.waiting.includes(3))
    await pipeline.stop()
    gates.open(...range(100))
    await end
  })

  it('rejects with what the function throws, and loses nothing after it', async () => {
    for (const fail of [
      () => {
        throw new RangeError('enough')
      },
      () => Promise.reject(new RangeError('enough')),
    ]) {
      const pipeline = numbers(10).build()
      const seen: number[] = []
      await assert.rejects(
        pipeline.forEach((item) => {
          seen.push(item)
          return item === 3 ? fail() : undefined
        }),
        RangeError,
      )
      assert.deepEqual(seen, [0, 1, 2, 3])
      assert.deepEqual(await collect(pipeline), range(6, 4))
    }
  })
})

describe('chunks', () => {
  it('gives what is ready, at least one item, never more than asked for', async () => {
    for (const max of [1, 2, 5, undefined]) {
      const pipeline = numbers(50)
        .pipe(async (value) => value, { concurrency: 4, outputOrder: 'input', buffer: 16 })
        .addSink(16)
        .build()
      const chunks = await collect(pipeline.chunks(max))
      assert.deepEqual(chunks.flat(), range(50))
      for (const chunk of chunks) assert.ok(chunk.length >= 1 && chunk.length <= (max ?? 50))
    }
  })

  it('gives the one item there is rather than wait for more', async () => {
    const gate = deferred()
    const pipeline = new PipelineBuilder()
      .addSource(async function* () {
        yield 0
        await gate.promise
        yield 1
      })
      .build()
    const chunks = pipeline.chunks(10)
    assert.deepEqual(await chunks.next(), { done: false, value: [0] })
    gate.resolve()
    assert.deepEqual(await chunks.next(), { done: false, value: [1] })
    assert.deepEqual(await chunks.next(), ended)
  })

  it('loses nothing when it is left', async () => {
    const pipeline = numbers(30).addSink(8).build()
    const [chunk] = await take(pipeline.chunks(4), 1)
    assert.deepEqual([...(chunk ?? []), ...(await collect(pipeline))], range(30))
  })

  it('refuses sizes that are not whole numbers from one up', () => {
    for (const max of [0, -1, 1.5, Number.NaN]) {
      throwsCode(() => numbers(1).build().chunks(max), 'ERR_BAD_OPTION')
    }
  })
})

describe('getItem', () => {
  it('gives one item after the other, then the end', async () => {
    const pipeline = numbers(3)
      .pipe(async (value) => value)
      .build()
    for (const value of range(3)) assert.deepEqual(await pipeline.getItem(), { done: false, value })
    assert.deepEqual(await pipeline.getItem(), ended)
    assert.deepEqual(await pipeline.getItem(), ended)
  })

  it('gives each its own when asked several times at once, in the order of asking', async () => {
    const pipeline = numbers(3).build()
    const results = await Promise.all(range(5).map(() => pipeline.getItem()))
    assert.deepEqual(results, [...range(3).map((value) => ({ done: false, value })), ended, ended])
  })

  it('that times out rejects with TimeoutError and loses nothing', async () => {
    const gates = new Gates<number>()
    const pipeline = numbers(6)
      .pipe(async (value) => {
        await gates.wait(value)
        return value
      })
      .build()
    for (const value of range(6)) {
      await rejectsCode(pipeline.getItem({ timeoutMs: 2 }), 'ERR_TIMEOUT')
      await rejectsCode(pipeline.getItem({ timeoutMs: 2 }), 'ERR_TIMEOUT')
      gates.open(value)
      assert.deepEqual(await pipeline.getItem({ timeoutMs: 60_000 }), { done: false, value })
    }
    assert.deepEqual(await pipeline.getItem({ timeoutMs: 60_000 }), ended)
  })

  it('that times out leaves those that asked before and after it as they were', async () => {
    const gate = deferred()
    const pipeline = numbers(2)
      .pipe(async (value) => {
        await gate.promise
        return value
      })
      .build()
    const first = pipeline.getItem()
    const impatient = pipeline.getItem({ timeoutMs: 2 })
    const last = pipeline.getItem()
    await assert.rejects(impatient, TimeoutError)
    gate.resolve()
    assert.deepEqual(await Promise.all([first, last]), [
      { done: false, value: 0 },
      { done: false, value: 1 },
    ])
  })

  it('refuses limits that are no time', async () => {
    for (const timeoutMs of [-1, Number.NaN, 'soon' as unknown as number]) {
      const pipeline = numbers(1).build()
      await rejectsCode(
        (async () => pipeline.getItem({ timeoutMs }))(),
        'ERR_BAD_OPTION',
        /timeoutMs/,
      )
    }
  })
})

describe('iterate', () => {
  it('times out like getItem, and goes on afterwards', async () => {
    const gates = new Gates<number>()
    const pipeline = numbers(4)
      .pipe(async (value) => {
        await gates.wait(value)
        return value
      })
      .build()
    const iterator = pipeline.iterate({ timeoutMs: 2 })
    for (const value of range(4)) {
      await assert.rejects(iterator.next(), TimeoutError)
      gates.open(value)
      await until(() => pipeline.stats().stages[1]?.emitted === value + 1)
      assert.deepEqual(await iterator.next(), { done: false, value })
    }
    assert.deepEqual(await iterator.next(), ended)
  })

  it('is itself iterable', async () => {
    const iterator = numbers(3).build().iterate()
    assert.equal(iterator[Symbol.asyncIterator](), iterator)
    assert.deepEqual(await collect(iterator), [0, 1, 2])
  })
})

describe('start', () => {
  it('sets the pipeline going before anybody consumes', async () => {
    const { source, watch } = watchedGenerator(3)
    const pipeline = new PipelineBuilder().addSource(source).build()
    pipeline.start()
    await until(() => watch.pulls === 3)
    assert.deepEqual(await collect(pipeline), [0, 1, 2])
  })

  it('may be called once', async () => {
    const pipeline = numbers(3).build()
    pipeline.start()
    throwsCode(() => pipeline.start(), 'ERR_ALREADY_STARTED')
    assert.deepEqual(await collect(pipeline), [0, 1, 2])
    throwsCode(() => pipeline.start(), 'ERR_ALREADY_STARTED')
  })
})
