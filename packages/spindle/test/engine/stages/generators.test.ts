import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PipelineBuilder } from 'spindle'
import { collect, collectFailure, take } from '../../support/consume.ts'
import { deferred, Gates, settled, turns, until } from '../../support/gates.ts'
import { range } from '../../support/sources.ts'

const numbers = (count: number) => new PipelineBuilder().addSource(range(count))

function* three(value: number): Generator<number> {
  yield value
  yield value + 1
  yield value + 2
}
async function* threeAsync(value: number): AsyncGenerator<number> {
  for (const output of three(value)) {
    await null
    yield output
  }
}
const expanded = [0, 1, 2, 1, 2, 3, 2, 3, 4]

describe('a generator op', () => {
  const kinds: [string, (value: number) => Generator<number> | AsyncGenerator<number>][] = [
    ['generator', three],
    ['async generator', threeAsync],
  ]
  for (const [kind, op] of kinds) {
    it(`gives its outputs one by one: ${kind}`, async () => {
      assert.deepEqual(await collect(numbers(3).pipe(op).build()), expanded)
    })

    it(`ends without that being a failure: ${kind}`, async () => {
      for (const maxFailures of [0, 1]) {
        const pipeline = numbers(3).pipe(op, { maxFailures }).build()
        assert.deepEqual(await collect(pipeline), expanded)
        assert.equal(pipeline.stats().stages[1]?.failures, 0)
      }
    })

    it(`is expanded in input order, all outputs of an item before any of the next: ${kind}`, async () => {
      const pipeline = numbers(12).pipe(op, { concurrency: 4, outputOrder: 'input' }).build()
      assert.deepEqual(
        await collect(pipeline),
        range(12).flatMap((value) => [...three(value)]),
      )
    })
  }

  it('may come from a plain function or an async one that gives a generator', async () => {
    assert.deepEqual(
      await collect(
        numbers(3)
          .pipe((value) => three(value))
          .build(),
      ),
      expanded,
    )
    assert.deepEqual(
      await collect(
        numbers(3)
          .pipe(async (value) => three(value))
          .build(),
      ),
      expanded,
    )
    assert.deepEqual(
      await collect(
        numbers(3)
          .pipe(async (value) => threeAsync(value))
          .build(),
      ),
      expanded,
    )
  })

  it('may be asynchronous in its beginning, and keeps input order then too', async () => {
    const pipeline = numbers(6)
      .pipe(
        async (value) => {
          await turns(6 - value)
          return value % 2 === 0 ? three(value) : threeAsync(value)
        },
        { concurrency: 6, outputOrder: 'input' },
      )
      .build()
    assert.deepEqual(
      await collect(pipeline),
      range(6).flatMap((value) => [...three(value)]),
    )
  })

  it('drops what it yields as undefined, and ignores what it returns', async () => {
    const pipeline = numbers(3)
      .pipe(function* (value): Generator<number | null | undefined, string> {
        yield undefined
        yield value
        yield undefined
        yield null
        return 'the end'
      })
      .build()
    assert.deepEqual(await collect(pipeline), [0, null, 1, null, 2, null])
  })

  it('may give nothing at all', async () => {
    const pipeline = numbers(4)
      .pipe(function* (value) {
        if (value === 2) yield value
      })
      .build()
    assert.deepEqual(await collect(pipeline), [2])
  })

  it('is delivered while it runs', async () => {
    const gate = deferred()
    const pipeline = numbers(1)
      .pipe(async function* (value) {
        yield value
        await gate.promise
        yield value + 1
      })
      .build()
    assert.deepEqual(await pipeline.getItem(), { done: false, value: 0 })
    gate.resolve()
    assert.deepEqual(await pipeline.getItem(), { done: false, value: 1 })
    assert.equal((await pipeline.getItem()).done, true)
  })

  for (const outputOrder of ['completion', 'input'] as const) {
    it(`is asked for the next output only when there is a place for it: ${outputOrder} order`, async () => {
      let asked = 0
      const pipeline = numbers(1)
        .pipe(
          function* () {
            for (;;) yield asked++
          },
          { buffer: 2, outputOrder },
        )
        .addSink(1)
        .build()
      pipeline.start()
      const ahead = await settled(() => asked)
      assert.ok(ahead >= 2 && ahead <= 2 + 1 + 1, `${ahead} outputs for three places`)
      assert.deepEqual(await take(pipeline, 5), range(5))
      await pipeline.stop()
    })
  }

  it('has a call in flight until it ends: the bound holds for generators', async () => {
    for (const outputOrder of ['completion', 'input'] as const) {
      let inside = 0
      let most = 0
      const pipeline = numbers(12)
        .pipe(
          async function* (value) {
            most = Math.max(most, ++inside)
            try {
              for (let part = 0; part < 3; part++) {
                await turns((value + part) % 3)
                yield value * 10 + part
              }
            } finally {
              inside--
            }
          },
          { concurrency: 3, outputOrder },
        )
        .build()
      const items = await collect(pipeline)
      assert.deepEqual(
        items.sort((a, b) => a - b),
        range(12).flatMap((value) => [value * 10, value * 10 + 1, value * 10 + 2]),
      )
      assert.equal(most, 3)
    }
  })

  it('shares the stage with others in completion order: outputs come as they are made', async () => {
    const gates = new Gates<string>()
    const pipeline = numbers(2)
      .pipe(
        async function* (value) {
          for (const part of ['a', 'b']) {
            await gates.wait(`${value}${part}`)
            yield `${value}${part}`
          }
        },
        { concurrency: 2 },
      )
      .build()
    for (const key of ['1a', '0a', '0b', '1b']) {
      const next = pipeline.getItem()
      await until(() => gates.waiting.includes(key))
      gates.open(key)
      assert.deepEqual(await next, { done: false, value: key })
    }
    assert.equal((await pipeline.getItem()).done, true)
  })

  it('that fails half-way keeps what it gave, and is one failure', async () => {
    for (const outputOrder of ['completion', 'input'] as const) {
      const pipeline = numbers(3)
        .pipe(
          function* (value) {
            yield `${value}a`
            if (value === 1) throw new Error('half-way')
            yield `${value}b`
          },
          { maxFailures: 1, outputOrder },
        )
        .build()
      assert.deepEqual(await collect(pipeline), ['0a', '0b', '1a', '2a', '2b'])
      assert.equal(pipeline.stats().stages[1]?.failures, 1)
    }
  })

  it('that fails half-way without a budget fails the stage after what it gave', async () => {
    const pipeline = numbers(3)
      .pipe(async function* (value) {
        yield `${value}a`
        if (value === 1) throw new Error('half-way')
        yield `${value}b`
      })
      .build()
    const { items, failure } = await collectFailure(pipeline)
    assert.deepEqual(items, ['0a', '0b', '1a'])
    assert.equal(failure.errors[0]?.index, 1)
  })

  it('is closed when the pipeline is stopped while it waits for a place', async () => {
    for (const outputOrder of ['completion', 'input'] as const) {
      let closed = 0
      const pipeline = numbers(2)
        .pipe(
          function* (value) {
            try {
              for (;;) yield value
            } finally {
              closed++
            }
          },
          { concurrency: 2, outputOrder },
        )
        .build()
      await take(pipeline, 3)
      const open = 2
      await pipeline.stop()
      assert.ok(closed >= 1 && closed <= open, `${closed} generators closed`)
    }
  })
})
