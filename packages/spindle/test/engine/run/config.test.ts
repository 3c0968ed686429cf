import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import { merge, PipelineBuilder } from 'spindle'
import { collect, throwsCode } from '../../support/consume.ts'
import { range } from '../../support/sources.ts'

const numbers = (count: number) => new PipelineBuilder().addSource(range(count))

describe('a builder', () => {
  it('is never changed: each method gives a new one, and chains can branch', async () => {
    const base = numbers(4)
    const doubled = base.pipe((value) => value * 2)
    const batched = doubled.aggregate(3)
    const named = doubled.pipe((value) => `n${value}`)
    assert.equal(new Set([base, doubled, batched, named]).size, 4)
    assert.deepEqual(await collect(base.build()), [0, 1, 2, 3])
    assert.deepEqual(await collect(doubled.build()), [0, 2, 4, 6])
    assert.deepEqual(await collect(batched.build()), [[0, 2, 4], [6]])
    assert.deepEqual(await collect(named.build()), ['n0', 'n2', 'n4', 'n6'])
  })

  it('builds as many independent pipelines as asked', async () => {
    const builder = numbers(10).pipe(async (value) => value + 1)
    const pipelines = [builder.build(), builder.build(), builder.build()]
    assert.deepEqual(await pipelines[0]?.getItem(), { done: false, value: 1 })
    for (const pipeline of pipelines.slice(1))
      assert.deepEqual(await collect(pipeline), range(10, 1))
    assert.deepEqual(await collect(pipelines[0] as (typeof pipelines)[1]), range(9, 2))
  })

  it('takes its options as they were when given', async () => {
    const options = { concurrency: 1, name: 'kept' }
    const builder = numbers(3).pipe((value) => value, options)
    options.concurrency = -5
    options.name = 'changed'
    const pipeline = builder.build()
    await collect(pipeline)
    assert.equal(pipeline.stats().stages[1]?.name, 'kept')
  })
})

describe('getConfig', () => {
  const chain = numbers(3)
    .pipe(
      function scale(value) {
        return value * 2
      },
      { concurrency: 7, outputOrder: 'input' },
    )
    .aggregate(5, { dropLast: true })
    .pipe(async (batch) => batch.length, { name: 'count' })
    .addSink(9)

  it('is frozen, all the way down', () => {
    const config: unknown = chain.getConfig()
    const seen = new Set<unknown>()
    const check = (value: unknown): void => {
      if (typeof value !== 'object' || value === null || seen.has(value)) return
      seen.add(value)
      if (Array.isArray(value) && value.every((member) => typeof member === 'number')) return
      assert.ok(Object.isFrozen(value), inspect(value))
      for (const member of Object.values(value)) check(member)
    }
    check(config)
    assert.ok(seen.size >= 5)
  })

  it('prints each stage with name, concurrency and the place in the code', () => {
    for (const text of [String(chain.getConfig()), inspect(chain.getConfig())]) {
      assert.match(text, /scale/)
      assert.match(text, /concurrency: 7/)
      assert.match(text, /input/)
      assert.match(text, /count/)
      assert.match(text, /aggregate/)
      assert.match(text, /9/)
      assert.ok((text.match(/config\.test\.ts:\d+/g) ?? []).length >= 3, text)
    }
  })

  it('names the line of the call', () => {
    const line = lineOf(new Error())
    const config = numbers(1)
      .pipe((value) => value, { name: 'here' })
      .getConfig()
    const printed = String(config)
      .split('\n')
      .find((each) => each.includes('here'))
    const [, named] = /config\.test\.ts:(\d+)/.exec(printed ?? '') ?? []
    assert.ok(
      Number(named) >= line && Number(named) <= line + 3,
      `${printed}, expected about line ${line}`,
    )
  })

  it('prints merges with their inputs, and variants with their paths, indented', () => {
    const left = numbers(2).pipe((value) => value, { name: 'left op' })
    const right = numbers(2).aggregate(2).disaggregate()
    const merged = String(
      merge(left, right)
        .pipe((value) => value, { name: 'after' })
        .getConfig(),
    )
    assert.match(merged, /left op/)
    assert.ok(merged.split('\n').length > 5, merged)
    assert.match(merged, /^ {2,}.*left op/m)
    const variants = String(
      numbers(2)
        .pathVariants(
          () => 0,
          [
            (path) => path.pipe((value) => value, { name: 'first op' }),
            (path) => path.pipe((value) => value),
          ],
        )
        .getConfig(),
    )
    assert.match(variants, /PathVariants/)
    assert.match(variants, /path0[\s\S]*first op[\s\S]*path1/)
    assert.match(variants, /^ {2,}.*first op/m)
  })

  it('can be had at every step', () => {
    const steps = [
      numbers(3),
      numbers(3).pipe((value) => value),
      numbers(3).aggregate(2),
      numbers(3).aggregate(2).disaggregate(),
      numbers(3).addSink(2),
    ]
    for (const step of steps) assert.ok(String(step.getConfig()).length > 0)
    for (const step of steps) assert.ok(inspect(step).length > 0 && String(step).length > 0)
  })
})

describe('what is huge is never printed', () => {
  const huge = Array.from({ length: 100_000 }, (_, position) => `row ${position}`)
  const positions = new Map(huge.map((row, position) => [row, position]))

  it('neither as a source nor as a table', () => {
    const builder = new PipelineBuilder().addSource(huge).pipe(positions).pipe(huge).pipe(positions)
    for (const text of [
      String(builder.getConfig()),
      inspect(builder.getConfig()),
      inspect(builder),
      inspect(builder.build()),
      String(merge(builder, builder).getConfig()),
    ]) {
      assert.ok(text.length < 4000, `${text.length} characters`)
      assert.doesNotMatch(text, /row 17/)
    }
  })

  it('nor in an error', () => {
    const wrong = huge as unknown as number
    for (const make of [
      () => numbers(1).aggregate(wrong),
      () => numbers(1).pipe((value) => value, { concurrency: wrong }),
    ]) {
      assert.throws(make, (error: Error) => error.message.length < 500)
    }
  })
})

describe('an option that is wrong', () => {
  it('is named with its rule, its value, the stage and the place', () => {
    const given = { concurrency: 0, name: 'decode' }
    throwsCode(
      () => numbers(1).pipe((value) => value, given),
      'ERR_BAD_OPTION',
      /`concurrency`/,
      /integer >= 1/,
      /got 0/,
      /decode/,
      /config\.test\.ts:\d+/,
    )
  })

  it('fails where it is given, also those of addSink and build', async () => {
    for (const size of [0, -1, 2.5, Number.NaN])
      throwsCode(() => numbers(1).addSink(size), 'ERR_BAD_OPTION')
    const wrong: Record<string, unknown>[] = [
      { seed: 1.5 },
      { seed: 'one' },
      { signal: {} },
      { hooks: 'all' },
      { onItemError: 1 },
      { deadLetter: {} },
      { backgroundTasks: [1] },
      { logger: 1 },
    ]
    for (const options of wrong) {
      const [name] = Object.keys(options)
      throwsCode(() => numbers(1).build(options), 'ERR_BAD_OPTION', new RegExp(name as string))
    }
  })

  it('may be a misspelt one', () => {
    const misspelt = { concurency: 4 } as object
    throwsCode(() => numbers(1).pipe((value) => value, misspelt), 'ERR_BAD_OPTION', /concurency/)
  })
})

function lineOf(error: Error): number {
  return Number(/config\.test\.ts:(\d+)/.exec(error.stack ?? '')?.[1])
}
