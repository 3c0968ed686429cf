import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type FailureBudget, PipelineBuilder, type PipeOptions } from 'spindle'
import { collect, collectFailure, throwsCode } from '../../support/consume.ts'
import { range } from '../../support/sources.ts'

const numbers = (count: number) => new PipelineBuilder().addSource(range(count))
const orders = ['completion', 'input'] as const

/** An op that fails for the items that `isBad` picks. */
function failing(isBad: (value: number) => boolean) {
  return async (value: number): Promise<number> => {
    if (isBad(value)) throw new Error(`bad ${value}`)
    return value
  }
}
const isOdd = (value: number) => value % 2 === 1
const everyNth = (n: number) => (value: number) => value % n === n - 1

describe('a budget by count', () => {
  it('is zero unless given: the first failure fails the pipeline', async () => {
    const { items } = await collectFailure(numbers(10).pipe(failing(isOdd)).build())
    assert.deepEqual(items, [0])
  })

  for (const outputOrder of orders) {
    it(`endures that many failures and not one more, in ${outputOrder} order`, async () => {
      const builder = numbers(10).pipe(failing(isOdd), { outputOrder })
      assert.deepEqual(await collect(builder.build({ maxFailures: 5 })), [0, 2, 4, 6, 8])
      assert.deepEqual(
        await collect(builder.build({ maxFailures: Number.POSITIVE_INFINITY })),
        [0, 2, 4, 6, 8],
      )
      const { items } = await collectFailure(builder.build({ maxFailures: 3 }))
      assert.deepEqual(items, [0, 2, 4, 6])
    })

    it(`belongs to the pipeline: two from one builder count for themselves, in ${outputOrder} order`, async () => {
      const builder = numbers(20).pipe(failing(isOdd), { outputOrder })
      const [two, three] = await Promise.all([
        collectFailure(builder.build({ maxFailures: 2 })),
        collectFailure(builder.build({ maxFailures: 3 })),
      ])
      assert.deepEqual(two.items, [0, 2, 4])
      assert.deepEqual(three.items, [0, 2, 4, 6])
    })
  }

  it('of a stage goes before that of the pipeline', async () => {
    const strict = numbers(10).pipe(failing(isOdd), { maxFailures: 2 })
    const { items } = await collectFailure(strict.build({ maxFailures: Number.POSITIVE_INFINITY }))
    assert.deepEqual(items, [0, 2, 4])
    const lax = numbers(10).pipe(failing(isOdd), {
      maxFailures: Number.POSITIVE_INFINITY,
      concurrency: 3,
    })
    assert.deepEqual((await collect(lax.build({ maxFailures: 2 }))).sort(), [0, 2, 4, 6, 8])
  })

  it('counts for each stage alone: what one may do does not fail another', async () => {
    const first = numbers(40).pipe(failing(isOdd), { maxFailures: Number.POSITIVE_INFINITY })
    const healthy = first.pipe((value) => value).aggregate(4)
    assert.equal((await collect(healthy.build({ maxFailures: 2 }))).flat().length, 20)
    const second = first.pipe(
      failing((value) => value % 3 === 0),
      { maxFailures: 3 },
    )
    const { items } = await collectFailure(second.build({ maxFailures: 2 }))
    assert.deepEqual(items, [2, 4, 8, 10, 14, 16])
  })

  it('lets the calls in flight end, and delivers their results', async () => {
    let begun = 0
    const pipeline = numbers(50)
      .pipe(
        async (value) => {
          begun++
          for (let wait = 0; wait < 5; wait++) await null
          if (value === 0) throw new Error('zero')
          return value
        },
        { concurrency: 4 },
      )
      .build()
    const { items } = await collectFailure(pipeline)
    assert.ok(items.length <= begun - 1)
    assert.deepEqual(
      items.sort((a, b) => a - b),
      range(begun - 1, 1),
      'all that began, except the one that failed',
    )
    assert.ok(begun < 50)
  })
})

describe('a budget by rate', () => {
  const rated = (
    count: number,
    rate: number,
    isBad: (value: number) => boolean,
    options: PipeOptions = {},
  ) =>
    numbers(count)
      .pipe(failing(isBad), { ...options, maxFailures: { rate } })
      .build()
  const lastOnes = (count: number, total: number) => (value: number) => value >= total - count

  for (const outputOrder of orders) {
    it(`fails the stage when more than that share fails, in ${outputOrder} order`, async () => {
      const { items } = await collectFailure(rated(1000, 0.001, everyNth(100), { outputOrder }))
      assert.ok(items.length > 0 && items.length < 990)
      assert.ok(items.every((value) => !everyNth(100)(value)))
    })

    it(`does so with several calls in flight, in ${outputOrder} order`, async () => {
      const { items } = await collectFailure(
        rated(200, 0.15, everyNth(5), { outputOrder, concurrency: 5 }),
      )
      assert.ok(items.length >= 80, `${items.length} of the first hundred and what was in flight`)
      assert.ok(items.every((value) => !everyNth(5)(value)))
    })
  }

  it('endures that share exactly', async () => {
    const good = range(100).filter((value) => !everyNth(10)(value))
    assert.deepEqual(await collect(rated(100, 0.15, everyNth(10))), good)
    assert.deepEqual(await collect(rated(100, 0.1, everyNth(10))), good)
    for (const percent of [7, 14, 28, 29, 55, 57, 58]) {
      const pipeline = rated(100, percent / 100, lastOnes(percent, 100))
      assert.equal(
        (await collect(pipeline)).length,
        100 - percent,
        `${percent} of a hundred at ${percent} %`,
      )
    }
  })

  it('is looked at after each call, also at the very last', async () => {
    assert.deepEqual(await collect(rated(100, 0.11, lastOnes(10, 100))), range(90))
    const { items } = await collectFailure(rated(100, 0.09, lastOnes(10, 100)))
    assert.deepEqual(items, range(90))
  })

  it('is not looked at before a hundred calls have ended', async () => {
    assert.equal((await collect(rated(20, 0.01, everyNth(5)))).length, 16)
    assert.equal((await collect(rated(10, 0.3, (value) => value < 4))).length, 6)
    assert.equal((await collect(rated(99, 0.01, everyNth(2)))).length, 50)
    const { items } = await collectFailure(rated(100, 0.1, everyNth(5)))
    assert.equal(items.length, 80)
  })

  it('may be looked at sooner or later', async () => {
    const early: FailureBudget = { rate: 0.3, minSamples: 10 }
    const { items } = await collectFailure(
      numbers(50)
        .pipe(
          failing((value) => value < 4),
          { maxFailures: early },
        )
        .build(),
    )
    assert.deepEqual(items, range(6, 4))
    const late: FailureBudget = { rate: 0.3, minSamples: 200 }
    const patient = numbers(150).pipe(failing(isOdd), { maxFailures: late }).build()
    assert.equal((await collect(patient)).length, 75)
  })

  it('of a stage goes before that of the pipeline', async () => {
    const isBad = (value: number) => value % 20 < 3
    const pipeline = numbers(100).pipe(failing(isBad), { maxFailures: { rate: 0.11 } })
    const { items } = await collectFailure(pipeline.build({ maxFailures: { rate: 0.19 } }))
    assert.equal(items.length, 85)
    const inherited = numbers(100).pipe(failing(isBad))
    assert.equal((await collect(inherited.build({ maxFailures: { rate: 0.19 } }))).length, 85)
  })

  it('counts the calls of its own stage', async () => {
    const pipeline = numbers(100)
      .pipe(failing(isOdd), { maxFailures: Number.POSITIVE_INFINITY })
      .pipe(
        failing((value) => value < 18),
        { maxFailures: { rate: 0.22 } },
      )
      .build()
    assert.equal((await collect(pipeline)).length, 41)
  })

  it('of one endures everything', async () => {
    assert.deepEqual(await collect(rated(200, 1, () => true)), [])
  })

  it('of any size endures health', async () => {
    for (const rate of [0.001, 0.01, 0.1, 0.5, 0.99, 1]) {
      assert.deepEqual(await collect(rated(150, rate, () => false)), range(150))
    }
  })
})

describe('a budget that makes no sense', () => {
  const wrong: unknown[] = [
    -1,
    1.5,
    Number.NaN,
    '3',
    { rate: 0 },
    { rate: -0.1 },
    { rate: 1.01 },
    { rate: 2 },
    { rate: Number.NaN },
    { rate: '1 %' },
    {},
    { rate: 0.1, minSamples: 0 },
    { rate: 0.1, minSamples: 1.5 },
  ]
  for (const budget of wrong as FailureBudget[]) {
    it(`is refused, for a stage and for a pipeline: ${JSON.stringify(budget)}`, () => {
      throwsCode(() => numbers(1).pipe((value) => value, { maxFailures: budget }), 'ERR_BAD_OPTION')
      throwsCode(() => numbers(1).build({ maxFailures: budget }), 'ERR_BAD_OPTION')
    })
  }

  it('is told the range of a rate', () => {
    const given = { maxFailures: { rate: 1.1 } }
    throwsCode(() => numbers(1).build(given), 'ERR_BAD_OPTION', /rate/, /1\.1/, /0.*1/)
  })
})

describe('failed items', () => {
  it('are counted, and offered to onItemError and to deadLetter, each once', async () => {
    const heard: unknown[] = []
    const dead: unknown[] = []
    const pipeline = numbers(10)
      .pipe((value) => ({ value }), { name: 'wrap' })
      .pipe(
        async (item) => {
          if (isOdd(item.value)) throw new RangeError(`odd ${item.value}`)
          return item.value
        },
        { name: 'evens', concurrency: 3 },
      )
      .build({
        maxFailures: Number.POSITIVE_INFINITY,
        onItemError: (failed) => heard.push(failed),
        deadLetter: async (failed) => {
          dead.push(failed)
        },
      })
    assert.equal((await collect(pipeline)).length, 5)
    await pipeline.done
    assert.deepEqual(dead, heard)
    const failures = heard as {
      stage: string
      index: number
      attempts: number
      error: Error
      item: { value: number }
    }[]
    failures.sort((a, b) => a.index - b.index)
    assert.deepEqual(
      failures.map(({ stage, index, attempts, error, item }) => [
        stage,
        index,
        attempts,
        error.message,
        item.value,
      ]),
      [1, 3, 5, 7, 9].map((odd) => ['evens', odd, 1, `odd ${odd}`, odd]),
    )
    assert.equal(pipeline.stats().stages[2]?.failures, 5)
  })

  it('are told of before the pipeline is done, however long the dead letter takes', async () => {
    let posted = 0
    const pipeline = numbers(4)
      .pipe(failing(isOdd))
      .build({
        maxFailures: 2,
        deadLetter: async () => {
          await new Promise((resolve) => setTimeout(resolve, 20))
          posted++
        },
      })
    await collect(pipeline)
    await pipeline.done
    assert.equal(posted, 2)
  })

  it('are kept for the report, the last sixteen of them', async () => {
    const pipeline = numbers(40)
      .pipe(failing((value) => value < 20))
      .build({ maxFailures: 19 })
    const { failure } = await collectFailure(pipeline)
    const [stage] = failure.errors
    assert.equal(stage?.failures, 20)
    assert.deepEqual(
      stage?.recent.map((failed) => [failed.index, failed.item, (failed.error as Error).message]),
      range(16, 4).map((value) => [value, value, `bad ${value}`]),
    )
    assert.match(String(stage?.cause), /bad 19/)
    assert.equal(stage?.index, 19)
  })

  it('do not mind what onItemError, deadLetter or the logger do', async () => {
    const boom = () => {
      throw new Error('listener')
    }
    for (const deadLetter of [boom, async () => boom()]) {
      const pipeline = numbers(6)
        .pipe(failing(isOdd))
        .build({
          maxFailures: 3,
          onItemError: boom,
          deadLetter,
          logger: { debug: boom, info: boom, warn: boom, error: boom },
        })
      assert.deepEqual(await collect(pipeline), [0, 2, 4])
      await pipeline.done
    }
  })

  it('include the fatal one', async () => {
    const heard: number[] = []
    const pipeline = numbers(6)
      .pipe(failing(isOdd))
      .build({ maxFailures: 1, onItemError: (failed) => heard.push(failed.index) })
    await collectFailure(pipeline)
    assert.deepEqual(heard, [1, 3])
  })
})
