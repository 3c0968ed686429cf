import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PipelineBuilder } from 'spindle'
import {
  assertCode,
  collect,
  collectFailure,
  failureCause,
  throwsCode,
} from '../../support/consume.ts'
import { deferred, settled, turns } from '../../support/gates.ts'
import { range, watchedGenerator } from '../../support/sources.ts'

describe('what a source may be', () => {
  const numbers = range(6)
  const kinds: Record<string, () => PipelineBuilder<number>> = {
    'an array': () => new PipelineBuilder().addSource(numbers),
    'a set': () => new PipelineBuilder().addSource(new Set(numbers)),
    'a typed array': () => new PipelineBuilder().addSource(Uint8Array.from(numbers)),
    'a generator object': () => new PipelineBuilder().addSource(numbers.values()),
    'a generator function': () =>
      new PipelineBuilder().addSource(function* () {
        yield* numbers
      }),
    'an async generator object': () =>
      new PipelineBuilder().addSource(
        (async function* () {
          yield* numbers
        })(),
      ),
    'an async generator function': () =>
      new PipelineBuilder().addSource(async function* () {
        yield* numbers
      }),
    'a function that gives an iterable': () => new PipelineBuilder().addSource(() => numbers),
  }
  for (const [kind, build] of Object.entries(kinds)) {
    it(`takes ${kind}, and gives its items in order`, async () => {
      assert.deepEqual(await collect(build().build()), numbers)
    })
  }

  it('takes an empty source, which gives nothing', async () => {
    assert.deepEqual(await collect(new PipelineBuilder().addSource([]).build()), [])
    const none = async function* (): AsyncGenerator<number> {}
    assert.deepEqual(await collect(new PipelineBuilder().addSource(none).build()), [])
  })

  it('refuses what cannot be iterated, when it is given', () => {
    for (const wrong of [42, null, undefined, {}, Symbol('source'), true]) {
      throwsCode(
        () => new PipelineBuilder().addSource(wrong as unknown as number[]),
        'ERR_BAD_SOURCE',
      )
    }
  })

  it('fails when a function gives what cannot be iterated', async () => {
    const wrong = (() => 42) as unknown as () => number[]
    assertCode(await failureCause(new PipelineBuilder().addSource(wrong).build()), 'ERR_BAD_SOURCE')
  })

  it('is needed: a chain without one is not built', () => {
    // @ts-expect-error `build` does not exist before `addSource()`
    throwsCode(() => new PipelineBuilder().build(), 'ERR_NO_SOURCE')
    // @ts-expect-error neither does `pipe`
    throwsCode(() => new PipelineBuilder().pipe(Number).build(), 'ERR_NO_SOURCE')
  })

  it('is one: a second one is refused', () => {
    throwsCode(() => new PipelineBuilder().addSource([1]).addSource([2]), /^ERR_/)
  })
})

describe('what a source gives', () => {
  it('leaves out undefined, and keeps everything else', async () => {
    const odd = [undefined, null, 0, '', false, Number.NaN, undefined, 'end']
    assert.deepEqual(await collect(new PipelineBuilder().addSource(odd).build()), [
      null,
      0,
      '',
      false,
      Number.NaN,
      'end',
    ])
  })

  it('does not pass undefined to the ops', async () => {
    const seen: unknown[] = []
    const pipeline = new PipelineBuilder()
      .addSource([undefined, 1, undefined, null])
      .pipe((item) => {
        seen.push(item)
        return item
      })
      .build()
    await collect(pipeline)
    assert.deepEqual(seen, [1, null])
  })

  it('is handed on as it comes, not held back', async () => {
    const later = deferred<number>()
    const pipeline = new PipelineBuilder()
      .addSource(async function* () {
        yield 1
        yield await later.promise
      })
      .pipe(async (value) => value * 10)
      .build()
    assert.deepEqual(await pipeline.getItem(), { done: false, value: 10 })
    later.resolve(2)
    assert.deepEqual(await pipeline.getItem(), { done: false, value: 20 })
    assert.deepEqual(await pipeline.getItem(), { done: true, value: undefined })
  })

  it('is opened when consumption begins, not when the pipeline is built', async () => {
    const { source, watch } = watchedGenerator(3)
    const pipeline = new PipelineBuilder().addSource(source).build()
    await turns(10)
    assert.equal(watch.opens, 0)
    assert.deepEqual(await collect(pipeline), [0, 1, 2])
    assert.equal(watch.opens, 1)
  })

  it('is pulled ahead of the consumer no further than the queues have places', async () => {
    const { source, watch } = watchedGenerator(Number.POSITIVE_INFINITY)
    const pipeline = new PipelineBuilder().addSource(source).addSink(4).build()
    pipeline.start()
    const ahead = await settled(() => watch.pulls)
    assert.ok(ahead >= 4, `the queues are filled: ${ahead}`)
    assert.ok(
      ahead <= 2 + 4 + 1,
      `two places after the source, four in the sink, one in hand: ${ahead}`,
    )
    await pipeline.getItem()
    assert.equal(await settled(() => watch.pulls), ahead + 1, 'one taken, one pulled')
    await pipeline.stop()
  })

  it('comes from one call of next at a time', async () => {
    let inside = 0
    let most = 0
    let value = 0
    const pipeline = new PipelineBuilder()
      .addSource({
        [Symbol.asyncIterator]: () => ({
          async next(): Promise<IteratorResult<number>> {
            most = Math.max(most, ++inside)
            await turns(1)
            inside--
            return value < 20 ? { done: false, value: value++ } : { done: true, value: undefined }
          },
        }),
      })
      .pipe(async (item) => item, { concurrency: 8 })
      .build()
    assert.equal((await collect(pipeline)).length, 20)
    assert.equal(most, 1)
  })
})

describe('a source that throws', () => {
  const error = new Error('the disk is gone')

  it('fails the pipeline after all that it gave was delivered', async () => {
    const pipeline = new PipelineBuilder()
      .addSource(function* () {
        yield* range(10)
        throw error
      })
      .pipe(async (value) => value * 2)
      .pipe((value) => value + 1)
      .build()
    const { items, failure } = await collectFailure(pipeline)
    assert.deepEqual(
      items,
      range(10).map((value) => value * 2 + 1),
    )
    assert.equal(failure.errors.length, 1)
    assert.equal(failure.errors[0]?.cause, error)
  })

  it('does the same when it is asynchronous', async () => {
    const pipeline = new PipelineBuilder()
      .addSource(async function* () {
        yield* range(10)
        throw error
      })
      .pipe(async (value) => value * 2, { concurrency: 3, outputOrder: 'input' })
      .build()
    const { items, failure } = await collectFailure(pipeline)
    assert.deepEqual(
      items,
      range(10).map((value) => value * 2),
    )
    assert.equal(failure.errors[0]?.cause, error)
  })

  it('gives nothing when it fails before its first item', async () => {
    const throwing = (): number[] => {
      throw error
    }
    const unopened: Iterable<number> = { [Symbol.iterator]: () => throwing().values() }
    const rejecting = async function* (): AsyncGenerator<number> {
      yield* throwing()
    }
    for (const source of [throwing, unopened, rejecting]) {
      const pipeline = new PipelineBuilder()
        .addSource<number>(source)
        .pipe((value) => value)
        .build()
      const { items, failure } = await collectFailure(pipeline)
      assert.deepEqual(items, [])
      assert.equal(failure.errors[0]?.cause, error)
    }
  })

  it('is never tolerated', async () => {
    const pipeline = new PipelineBuilder()
      .addSource(function* () {
        yield 1
        throw error
      })
      .build({ maxFailures: Number.POSITIVE_INFINITY })
    const { items, failure } = await collectFailure(pipeline)
    assert.deepEqual(items, [1])
    assert.equal(failure.errors[0]?.cause, error)
  })

  it('is not asked again', async () => {
    let calls = 0
    const pipeline = new PipelineBuilder()
      .addSource({
        [Symbol.iterator]: () => ({
          next(): IteratorResult<number> {
            calls++
            throw error
          },
        }),
      })
      .build()
    await collectFailure(pipeline)
    await turns(10)
    assert.equal(calls, 1)
  })
})

describe('a pipeline without stages', () => {
  it('passes the items through, then says that it has ended, as often as asked, also after stop', async () => {
    const pipeline = new PipelineBuilder().addSource([1, 2]).addSink(10).build()
    assert.deepEqual(await pipeline.getItem(), { done: false, value: 1 })
    assert.deepEqual(await pipeline.getItem(), { done: false, value: 2 })
    for (let again = 0; again < 3; again++) {
      assert.deepEqual(await pipeline.getItem(), { done: true, value: undefined })
    }
    await pipeline.stop()
    assert.deepEqual(await pipeline.getItem(), { done: true, value: undefined })
    assert.deepEqual(await collect(pipeline), [])
  })
})
