import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PipelineBuilder, type StageContext } from 'spindle'
import { collect } from '../../support/consume.ts'
import { turns } from '../../support/gates.ts'
import { range } from '../../support/sources.ts'

const numbers = (count: number) => new PipelineBuilder().addSource(range(count))
const draw = (context: StageContext) => [context.rng.next(), context.rng.int(1000)].join()

describe('context.index', () => {
  it('is the position of the item in its source', async () => {
    const pipeline = numbers(5)
      .pipe(async (value) => (value % 2 === 0 ? value : undefined), { concurrency: 3 })
      .pipe((value, context) => [value, context.index])
      .build()
    for (const [value, index] of await collect(pipeline)) assert.equal(value, index)
  })

  it('counts what the source gave, dropped or not', async () => {
    const pipeline = new PipelineBuilder()
      .addSource(['a', undefined, 'c'])
      .pipe((item, context) => `${item}${context.index}`)
      .build()
    assert.deepEqual(await collect(pipeline), ['a0', 'c2'])
  })

  it('is kept by the outputs of generators and of disaggregate, and a batch has that of its first member', async () => {
    const pipeline = numbers(4)
      .pipe(function* (value) {
        yield value
        yield value
      })
      .pipe((value, context) => {
        assert.equal(context.index, value)
        return value
      })
      .aggregate(3)
      .pipe((batch, context) => {
        assert.equal(context.index, batch[0])
        return batch
      })
      .disaggregate()
      .pipe((_, context) => context.index)
      .build()
    assert.deepEqual(await collect(pipeline), [0, 0, 0, 1, 1, 1, 3, 3])
  })
})

describe('context.attempt, signal and stage', () => {
  it('are there', async () => {
    const seen: StageContext[] = []
    const pipeline = numbers(1)
      .pipe(
        (value, context) => {
          seen.push(context)
          return value
        },
        { name: 'here', concurrency: 2 },
      )
      .build()
    await collect(pipeline)
    const [context] = seen
    assert.equal(context?.attempt, 1)
    assert.equal(context?.stage.name, 'here')
    assert.equal(context?.stage.concurrency, 2)
    assert.ok(context?.signal instanceof AbortSignal)
    assert.equal(context?.signal.aborted, false)
  })

  it('may be asked for after other calls were made', async () => {
    const contexts: StageContext[] = []
    const pipeline = numbers(20)
      .pipe(
        async (value, context) => {
          contexts[value] = context
          await turns(value % 3)
          assert.equal(context.index, value)
          assert.equal(context.attempt, 1)
          return value
        },
        { concurrency: 4 },
      )
      .build()
    await collect(pipeline)
    assert.equal(new Set(contexts).size, 20)
    assert.deepEqual(
      contexts.map((context) => context.index),
      range(20),
    )
  })
})

describe('context.rng', () => {
  const build = (concurrency: number, outputOrder: 'completion' | 'input', seed?: number) =>
    numbers(12)
      .pipe(
        async function* (value, context) {
          await turns((value * 5) % concurrency)
          const drawn = draw(context)
          yield { value, part: 0, drawn }
          yield { value, part: 1, drawn: draw(context) }
        },
        { concurrency, outputOrder },
      )
      .pipe(
        async (item, context) => {
          await turns((item.value * 3 + item.part) % concurrency)
          return { ...item, later: draw(context) }
        },
        { concurrency, outputOrder },
      )
      .build(seed === undefined ? {} : { seed })
  const sorted = async (...args: Parameters<typeof build>) =>
    (await collect(build(...args))).sort((a, b) => a.value - b.value || a.part - b.part)

  it('gives each item the same numbers, whatever the concurrency, the order and the timing', async () => {
    const expected = await sorted(1, 'input', 7)
    assert.deepEqual(await sorted(1, 'input', 7), expected)
    assert.deepEqual(await sorted(4, 'completion', 7), expected)
    assert.deepEqual(await sorted(5, 'input', 7), expected)
  })

  it('gives other numbers for another seed, another item, another output and another stage', async () => {
    const items = await sorted(1, 'input', 7)
    const others = await sorted(1, 'input', 8)
    const drawn = [...items, ...others].flatMap((item) => [item.drawn, item.later])
    assert.equal(new Set(drawn).size, drawn.length)
  })

  it('has a seed also when none is given: always the same', async () => {
    assert.deepEqual(await sorted(1, 'input'), await sorted(3, 'completion'))
    assert.deepEqual(await sorted(1, 'input'), await sorted(1, 'input', 0))
  })

  it('begins anew for each attempt', async () => {
    const drawn: string[] = []
    const pipeline = numbers(1)
      .pipe(
        (value, context) => {
          drawn.push(draw(context))
          if (context.attempt < 3) throw new Error('again')
          return value
        },
        { retry: { retries: 2, minDelayMs: 1 } },
      )
      .build()
    await collect(pipeline)
    assert.equal(drawn.length, 3)
    assert.equal(new Set(drawn).size, 1)
  })

  it('gives other numbers in each epoch, the same in each run', async () => {
    const run = async () => {
      const pipeline = new PipelineBuilder()
        .addSource(range(3), { continuous: true })
        .pipe((_, context) => draw(context))
        .build({ seed: 3 })
      const all = [await collect(pipeline), await collect(pipeline)]
      await pipeline.stop()
      return all
    }
    const first = await run()
    assert.equal(new Set(first.flat()).size, 6)
    assert.deepEqual(await run(), first)
  })

  it('gives numbers that are spread', async () => {
    const pipeline = numbers(2000)
      .pipe((_, context) => context.rng.next())
      .build()
    const drawn = await collect(pipeline)
    assert.ok(drawn.every((value) => value >= 0 && value < 1))
    const mean = drawn.reduce((sum, value) => sum + value, 0) / drawn.length
    assert.ok(
      Math.abs(mean - 0.5) < 0.04,
      `mean of the first numbers of neighbouring items: ${mean}`,
    )
  })
})
