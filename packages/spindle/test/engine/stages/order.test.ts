import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PipelineBuilder } from 'spindle'
import { collect, collectFailure } from '../../support/consume.ts'
import { deferred, Gates, settled, turns } from '../../support/gates.ts'
import { range } from '../../support/sources.ts'

const numbers = (count: number) => new PipelineBuilder().addSource(range(count))

/** Opens the gates one at a time, the latest comer first. */
async function openBackwards(gates: Gates<number>, count: number): Promise<void> {
  for (let opened = 0; opened < count; opened++) {
    await settled(() => gates.waiting.length)
    gates.open(gates.waiting.at(-1) as number)
  }
}

describe('completion order', () => {
  it('is the default, and gives results as they finish', async () => {
    const gates = new Gates<number>()
    const pipeline = numbers(5)
      .pipe(
        async (value) => {
          await gates.wait(value)
          return value
        },
        { concurrency: 10 },
      )
      .build()
    const items = collect(pipeline)
    await openBackwards(gates, 5)
    assert.deepEqual(await items, [4, 3, 2, 1, 0])
  })

  it('is input order where one call is in flight at a time', async () => {
    const pipeline = numbers(20)
      .pipe(async (value) => {
        await turns((value * 7) % 3)
        return value
      })
      .build()
    assert.deepEqual(await collect(pipeline), range(20))
  })
})

describe('input order', () => {
  const inOrder = { concurrency: 10, outputOrder: 'input' } as const

  it('gives results in the order of the input, whichever finished first', async () => {
    const gates = new Gates<number>()
    const pipeline = numbers(5)
      .pipe(async (value) => {
        await gates.wait(value)
        return value
      }, inOrder)
      .build()
    const items = collect(pipeline)
    await openBackwards(gates, 5)
    assert.deepEqual(await items, range(5))
  })

  it('does so for sync ops, and for a mixture of sync and async results', async () => {
    assert.deepEqual(
      await collect(
        numbers(9)
          .pipe((value) => value, inOrder)
          .build(),
      ),
      range(9),
    )
    const mixed = numbers(30).pipe(
      (value) =>
        value % 3 === 0
          ? value
          : value % 3 === 1
            ? Promise.resolve(value)
            : turns(2).then(() => value),
      inOrder,
    )
    assert.deepEqual(await collect(mixed.build()), range(30))
  })

  it('is the order of the input of the stage, not that of the source', async () => {
    const gates = new Gates<number>()
    const pipeline = numbers(4)
      .pipe(
        async (value) => {
          await gates.wait(value)
          return value
        },
        { concurrency: 4 },
      )
      .pipe(async (value) => {
        await turns(value)
        return value
      }, inOrder)
      .build()
    const items = collect(pipeline)
    await openBackwards(gates, 4)
    assert.deepEqual(await items, [3, 2, 1, 0])
  })

  it('gives a result as soon as those before it are gone', async () => {
    const second = deferred()
    const pipeline = numbers(2)
      .pipe(async (value) => {
        if (value === 1) await second.promise
        return value
      }, inOrder)
      .build()
    assert.deepEqual(await pipeline.getItem(), { done: false, value: 0 })
    second.resolve()
    assert.deepEqual(await pipeline.getItem(), { done: false, value: 1 })
  })

  const patterns: Record<string, (value: number) => boolean> = {
    'none is': () => false,
    'all are': () => true,
    'every other one is': (value) => value % 2 === 0,
    'the first ones are': (value) => value < 7,
    'the last ones are': (value) => value >= 13,
    'a mixture is': (value) => [0, 3, 4, 5, 11, 12, 19].includes(value),
  }
  for (const [which, isDropped] of Object.entries(patterns)) {
    it(`is kept when items are dropped: ${which}`, async () => {
      const kept = range(20).filter((value) => !isDropped(value))
      for (const concurrency of [1, 3, 5]) {
        const options = { concurrency, outputOrder: 'input' } as const
        const drop = (value: number) => (isDropped(value) ? undefined : value)
        const sync = numbers(20).pipe(drop, options).build()
        assert.deepEqual(await collect(sync), kept)
        const async = numbers(20).pipe(async (value) => {
          await turns((value * 5) % 4)
          return drop(value)
        }, options)
        assert.deepEqual(await collect(async.build()), kept)
      }
    })
  }

  it('is kept when items fail and are tolerated', async () => {
    const pipeline = numbers(20)
      .pipe(
        async (value) => {
          await turns((value * 5) % 4)
          if (value % 3 === 0) throw new Error(`no ${value}`)
          return value
        },
        { ...inOrder, maxFailures: Number.POSITIVE_INFINITY },
      )
      .build()
    assert.deepEqual(
      await collect(pipeline),
      range(20).filter((value) => value % 3 !== 0),
    )
  })

  it('delivers exactly the good items before the fatal one', async () => {
    const gates = new Gates<number>()
    const pipeline = numbers(10)
      .pipe(
        async (value) => {
          if (value < 3) await gates.wait(value)
          if (value === 3) throw new Error('three')
          return value
        },
        { concurrency: 5, outputOrder: 'input' },
      )
      .build()
    const outcome = collectFailure(pipeline)
    await openBackwards(gates, 3)
    const { items, failure } = await outcome
    assert.deepEqual(items, [0, 1, 2])
    assert.equal(failure.errors[0]?.index, 3)
  })

  it('counts failures in input order, though later items failed earlier', async () => {
    const gates = new Gates<number>()
    const pipeline = numbers(8)
      .pipe(
        async (value) => {
          if (value < 2) await gates.wait(value)
          if (value % 2 === 1) throw new Error(`odd ${value}`)
          return value
        },
        { concurrency: 8, outputOrder: 'input', maxFailures: 1, buffer: 8 },
      )
      .build()
    const outcome = collectFailure(pipeline)
    await openBackwards(gates, 2)
    const { items, failure } = await outcome
    assert.deepEqual(items, [0, 2])
    assert.equal(failure.errors[0]?.index, 3)
    assert.match(String(failure.errors[0]?.cause), /odd 3/)
  })
})
