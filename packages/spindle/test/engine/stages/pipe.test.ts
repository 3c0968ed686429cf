import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PipelineBuilder } from 'spindle'
import { collect, collectFailure, failureCause, throwsCode } from '../../support/consume.ts'
import { deferred, Gates, settled, until } from '../../support/gates.ts'
import { range } from '../../support/sources.ts'

const numbers = (count: number) => new PipelineBuilder().addSource(range(count))

describe('the result of an op', () => {
  it('is passed on, of a sync function and of an async one, in order', async () => {
    const doubled = range(10).map((value) => value * 2)
    assert.deepEqual(
      await collect(
        numbers(10)
          .pipe((value) => value * 2)
          .build(),
      ),
      doubled,
    )
    assert.deepEqual(
      await collect(
        numbers(10)
          .pipe(async (value) => value * 2)
          .build(),
      ),
      doubled,
    )
  })

  it('goes through a chain of ops', async () => {
    const pipeline = numbers(10)
      .pipe(async (value) => value * 2)
      .pipe(async (value) => value + 1)
      .build()
    assert.deepEqual(
      await collect(pipeline),
      range(10).map((value) => value * 2 + 1),
    )
  })

  it('is dropped when it is undefined, of a sync op and of an async one', async () => {
    const sync = numbers(6).pipe((value) => (value % 2 === 0 ? undefined : value))
    const async = numbers(6).pipe(async (value) => (value % 2 === 0 ? undefined : value))
    assert.deepEqual(await collect(sync.build()), [1, 3, 5])
    assert.deepEqual(await collect(async.build()), [1, 3, 5])
  })

  it('may be null, 0, the empty string or false: they are data', async () => {
    const falsy = [null, 0, '', false]
    const seen: unknown[] = []
    const pipeline = numbers(4)
      .pipe((position) => falsy[position])
      .pipe(async (value) => value)
      .pipe((value) => {
        seen.push(value)
        return value
      })
      .build()
    assert.deepEqual(await collect(pipeline), falsy)
    assert.deepEqual(seen, falsy)
  })

  it('is awaited when it can be: a promise, and any other thenable', async () => {
    const plainFunction = numbers(3).pipe((value) => Promise.resolve(value))
    assert.deepEqual(await collect(plainFunction.build()), [0, 1, 2])
    const thenable = numbers(3).pipe(
      (value): PromiseLike<number> => ({
        then: (resolve, reject) => Promise.resolve(value + 1).then(resolve, reject),
      }),
    )
    assert.deepEqual(await collect(thenable.build()), [1, 2, 3])
  })

  it('is not taken apart when it is an array, a set, a map or a string', async () => {
    const pipeline = new PipelineBuilder()
      .addSource([[1, 2], new Set([3]), new Map([[4, 5]]), 'six', []])
      .pipe((value) => value)
      .pipe(async (value) => value)
      .build()
    assert.deepEqual(await collect(pipeline), [[1, 2], new Set([3]), new Map([[4, 5]]), 'six', []])
  })

  it('is waited for by the consumer', async () => {
    const gate = deferred<string>()
    const pipeline = numbers(1)
      .pipe(() => gate.promise)
      .build()
    let arrived = false
    const item = pipeline.getItem().then((result) => {
      arrived = true
      return result
    })
    await settled(() => arrived)
    assert.equal(arrived, false)
    gate.resolve('late')
    assert.deepEqual(await item, { done: false, value: 'late' })
  })
})

describe('an op that is a table', () => {
  it('looks items up by position in an array, or in something like one', async () => {
    const source = new PipelineBuilder().addSource([2, 0, 1, 2])
    assert.deepEqual(await collect(source.pipe(['a', 'b', 'c']).build()), ['c', 'a', 'b', 'c'])
    const halves = Float32Array.of(0.5, 1.5, 2.5)
    assert.deepEqual(
      await collect(source.pipe(halves as ArrayLike<number> as readonly number[]).build()),
      [2.5, 0.5, 1.5, 2.5],
    )
  })

  it('looks items up by key in a map', async () => {
    const table = new Map([
      ['cat', 0],
      ['dog', 1],
    ])
    const pipeline = new PipelineBuilder().addSource(['dog', 'cat']).pipe(table).build()
    assert.deepEqual(await collect(pipeline), [1, 0])
  })

  it('gives null where null was stored', async () => {
    const pipeline = new PipelineBuilder().addSource([0, 1]).pipe([null, 1]).build()
    assert.deepEqual(await collect(pipeline), [null, 1])
  })

  it('fails an item whose key is missing', async () => {
    const tolerant = { maxFailures: Number.POSITIVE_INFINITY }
    const array = new PipelineBuilder()
      .addSource([0, 7, -1, 0.5, 1])
      .pipe(['a', 'b'], tolerant)
      .build()
    assert.deepEqual(await collect(array), ['a', 'b'])
    assert.equal(array.stats().stages[1]?.failures, 3)
    const map = new PipelineBuilder()
      .addSource(['x', 'toString', 'y'])
      .pipe(new Map([['x', 1]]), tolerant)
      .build()
    assert.deepEqual(await collect(map), [1])
    assert.equal(map.stats().stages[1]?.failures, 2)
  })

  it('names the missing key, and its own code, in the failure', async () => {
    const cause = await failureCause(new PipelineBuilder().addSource([7]).pipe(['a']).build())
    assert.ok(cause instanceof Error)
    assert.equal((cause as Error & { code?: string }).code, 'ERR_LOOKUP')
    assert.match(cause.message, /7/)
  })
})

describe('concurrency', () => {
  it('is one unless asked for: one call in flight, the rest untouched', async () => {
    const gates = new Gates<number>()
    const pipeline = numbers(4)
      .pipe(async (value) => {
        await gates.wait(value)
        return value
      })
      .build()
    const items = collect(pipeline)
    for (let value = 0; value < 4; value++) {
      await until(() => gates.waiting.includes(value))
      await settled(() => gates.waiting.length)
      assert.deepEqual(gates.waiting, [value])
      gates.open(value)
    }
    assert.deepEqual(await items, [0, 1, 2, 3])
  })

  it('has that many calls in flight together', async () => {
    let inside = 0
    const four = deferred()
    const pipeline = numbers(4)
      .pipe(
        async (value) => {
          if (++inside === 4) four.resolve()
          await four.promise
          return value
        },
        { concurrency: 4 },
      )
      .build()
    assert.deepEqual((await collect(pipeline)).sort(), [0, 1, 2, 3])
  })

  for (const outputOrder of ['completion', 'input'] as const) {
    for (const concurrency of [1, 2, 4]) {
      it(`is never exceeded, and is reached: ${concurrency} in ${outputOrder} order`, async () => {
        const gates = new Gates<number>()
        let inside = 0
        let most = 0
        const pipeline = numbers(20)
          .pipe(
            async (value) => {
              most = Math.max(most, ++inside)
              await gates.wait(value)
              inside--
              return value
            },
            { concurrency, outputOrder },
          )
          .build()
        const items = collect(pipeline)
        assert.equal(await settled(() => inside), concurrency)
        // Let later calls end first: in input order their results wait, and must not make room for
        // more calls.
        for (let rest = 20; rest > 0; rest--) {
          await settled(() => gates.waiting.length)
          gates.open(gates.waiting.at(-1) as number)
        }
        assert.equal((await items).length, 20)
        assert.equal(most, concurrency)
      })
    }
  }
})

describe('backpressure', () => {
  for (const outputOrder of ['completion', 'input'] as const) {
    it(`holds concurrency + buffer results and no more, in ${outputOrder} order`, async () => {
      let made = 0
      let taken = 0
      const hold = deferred()
      const pipeline = numbers(100)
        .pipe(
          async (value) => {
            made++
            return value
          },
          { concurrency: 3, buffer: 5, outputOrder },
        )
        .pipe(async (value) => {
          taken++
          await hold.promise
          return value
        })
        .build()
      pipeline.start()
      assert.equal(await settled(() => made), 1 + 3 + 5)
      assert.equal(taken, 1)
      hold.resolve()
      assert.deepEqual(await collect(pipeline), range(100))
    })
  }

  it('bounds what input order keeps behind an item that is slow', async () => {
    const gates = new Gates<number>()
    let begun = 0
    const pipeline = numbers(100)
      .pipe(
        async (value) => {
          begun++
          if (value === 0) await gates.wait(value)
          return value
        },
        { concurrency: 4, buffer: 2, outputOrder: 'input' },
      )
      .build()
    const items = collect(pipeline)
    const ahead = await settled(() => begun)
    assert.ok(ahead >= 4 && ahead <= 4 + 2, `${ahead} calls begun behind the slow one`)
    gates.open(0)
    assert.deepEqual(await items, range(100))
  })

  it('reaches the source', async () => {
    let pulled = 0
    const pipeline = new PipelineBuilder()
      .addSource(function* () {
        for (;;) yield pulled++
      })
      .pipe(async (value) => value, { concurrency: 2, buffer: 3 })
      .pipe((value) => value, { buffer: 1 })
      .addSink(2)
      .build()
    pipeline.start()
    const places = 2 + (2 + 3) + (1 + 1) + 2
    const ahead = await settled(() => pulled)
    assert.ok(
      ahead <= places + 2,
      `${ahead} pulled for ${places} places (one more in the source's hand, one in the sink's)`,
    )
    assert.ok(ahead >= places - 1, `${ahead} pulled for ${places} places`)
    await pipeline.stop()
  })
})

describe('a stage', () => {
  it('is named after its function, or as asked', async () => {
    const double = (value: number) => value * 2
    const pipeline = numbers(1)
      .pipe(double)
      .pipe((value) => value, { name: 'nothing much' })
      .build()
    await collect(pipeline)
    const names = pipeline.stats().stages.map((stage) => stage.name)
    assert.equal(names.length, 4)
    assert.match(names[1] ?? '', /double/)
    assert.equal(names[2], 'nothing much')
  })

  it('does not call the ops after it when it fails', async () => {
    let called = 0
    const pipeline = numbers(5)
      .pipe((): number => {
        throw new Error('no')
      })
      .pipe((value) => {
        called++
        return value
      })
      .build()
    const { items } = await collectFailure(pipeline)
    assert.deepEqual(items, [])
    assert.equal(called, 0)
  })

  it('refuses options that make no sense, when they are given', () => {
    const pass = (value: number) => value
    for (const concurrency of [0, -1, 1.5, Number.NaN, '4' as unknown as number]) {
      throwsCode(() => numbers(1).pipe(pass, { concurrency }), 'ERR_BAD_OPTION', /concurrency/)
    }
    for (const buffer of [-1, 1.5, Number.NaN]) {
      throwsCode(() => numbers(1).pipe(pass, { buffer }), 'ERR_BAD_OPTION', /buffer/)
    }
    for (const timeoutMs of [-1, Number.NaN, '1' as unknown as number]) {
      throwsCode(() => numbers(1).pipe(pass, { timeoutMs }), 'ERR_BAD_OPTION', /timeoutMs/)
    }
    for (const maxBytes of [-1, Number.NaN]) {
      throwsCode(() => numbers(1).pipe(pass, { maxBytes }), 'ERR_BAD_OPTION', /maxBytes/)
    }
    const sideways = 'sideways' as unknown as 'input'
    throwsCode(
      () => numbers(1).pipe(pass, { outputOrder: sideways }),
      'ERR_BAD_OPTION',
      /outputOrder/,
    )
  })

  it('refuses an op that cannot be called or looked up in', () => {
    for (const wrong of [42, undefined, null, 'op', {}]) {
      throwsCode(
        () => numbers(1).pipe(wrong as unknown as (value: number) => number),
        'ERR_BAD_OPTION',
      )
    }
  })

  it('cannot follow the sink, nor can a second sink', () => {
    const ended = numbers(1).addSink()
    throwsCode(() => ended.pipe((value) => value), /^ERR_BAD/)
    throwsCode(() => ended.aggregate(2), /^ERR_BAD/)
    throwsCode(() => ended.addSink(), /^ERR_BAD/)
  })
})
