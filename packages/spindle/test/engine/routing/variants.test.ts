import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { merge, PipelineBuilder } from 'spindle'
import {
  assertCode,
  collect,
  collectFailure,
  failureCause,
  throwsCode,
} from '../../support/consume.ts'
import { deferred, Gates, settled, turns } from '../../support/gates.ts'
import { range, watchedGenerator } from '../../support/sources.ts'

const numbers = (count: number) => new PipelineBuilder().addSource(range(count))
const parity = (value: number) => value % 2
const sorted = (items: number[]) => items.toSorted((a, b) => a - b)
type Path = PipelineBuilder<number>
const double = (path: Path) => path.pipe((value) => value * 2)
const plus100 = (path: Path) => path.pipe((value) => value + 100)

/** A source that gives the next number only when the one before has come out at the end. */
function oneByOne(count: number) {
  const gates = new Gates<number>()
  const builder = new PipelineBuilder().addSource(async function* () {
    for (const value of range(count)) {
      if (value > 0) await gates.wait(value)
      yield value
    }
  })
  return {
    builder,
    async collect<T>(items: AsyncIterable<T>): Promise<T[]> {
      const all: T[] = []
      for await (const item of items) {
        all.push(item)
        gates.open(all.length)
      }
      return all
    },
  }
}

describe('pathVariants', () => {
  for (const [kind, router] of [
    ['a function', parity],
    ['an async function', async (value: number) => parity(value)],
  ] as const) {
    it(`sends each item along the path that the router names: ${kind}`, async () => {
      const source = oneByOne(6)
      const pipeline = source.builder.pathVariants(router, [double, plus100]).build()
      assert.deepEqual(await source.collect(pipeline), [0, 101, 4, 103, 8, 105])
    })
  }

  it('keeps the order of each path', async () => {
    const pipeline = numbers(30)
      .pathVariants((value) => value % 3, [double, plus100, (path) => path.pipe((item) => item)])
      .build()
    const items = await collect(pipeline)
    assert.deepEqual(
      sorted(items),
      sorted(
        range(30).map((value) =>
          value % 3 === 0 ? value * 2 : value % 3 === 1 ? value + 100 : value,
        ),
      ),
    )
    const hundreds = items.filter((value) => value >= 100)
    assert.deepEqual(hundreds, sorted(hundreds))
  })

  it('may send everything along one path, in order', async () => {
    assert.deepEqual(
      await collect(
        numbers(10)
          .pathVariants(() => 1, [double, plus100])
          .build(),
      ),
      range(10, 100),
    )
  })

  it('has paths of any length: none, several stages, batches', async () => {
    const pipeline = numbers(6)
      .pathVariants(parity, [
        (path) => path.aggregate(10),
        (path) =>
          path
            .pipe(async (value) => value + 1)
            .pipe((value) => value * 10)
            .pipe((value) => (value === 40 ? undefined : value)),
      ])
      .build()
    const items = await collect(pipeline)
    assert.deepEqual(
      items.filter((item) => typeof item === 'number'),
      [20, 60],
    )
    assert.deepEqual(
      items.filter((item) => typeof item !== 'number'),
      [[0, 2, 4]],
    )
    const undone = numbers(6)
      .pathVariants(parity, [
        (path) => path.aggregate(2).disaggregate(),
        (path) => path.pipe((item) => item),
      ])
      .build()
    assert.deepEqual(sorted(await collect(undone)), range(6))
  })

  it('nests, at once in both paths too', async () => {
    const halves = (value: number) => (value < 4 ? 0 : 1)
    const nested = (path: Path) => path.pathVariants(halves, [double, plus100])
    const pipeline = numbers(8)
      .pipe((value) => value)
      .pathVariants(parity, [nested, nested])
      .pipe((value) => value)
      .build()
    assert.deepEqual(sorted(await collect(pipeline)), [0, 2, 4, 6, 104, 105, 106, 107])
  })

  it('may follow a merge, and have concurrent stages inside', async () => {
    const pipeline = merge(
      numbers(10),
      numbers(10).pipe((value) => value + 10),
    )
      .pathVariants(parity, [
        (path) =>
          path.pipe(
            async (value) => {
              await turns(value % 3)
              return value
            },
            { concurrency: 4 },
          ),
        (path) => path.pipe(async (value) => value),
      ])
      .build()
    assert.deepEqual(sorted(await collect(pipeline)), range(20))
  })

  it('of an empty source is empty', async () => {
    assert.deepEqual(await collect(numbers(0).pathVariants(parity, [double, plus100]).build()), [])
  })

  it('calls the router serially, in order', async () => {
    let inside = 0
    const seen: number[] = []
    const pipeline = numbers(10)
      .pathVariants(
        async (value) => {
          assert.equal(++inside, 1)
          seen.push(value)
          await turns(1)
          inside--
          return parity(value)
        },
        [double, plus100],
      )
      .build()
    assert.equal((await collect(pipeline)).length, 10)
    assert.deepEqual(seen, range(10))
  })

  for (const [lookAhead, options] of [
    [32, {}],
    [5, { lookAhead: 5 }],
    [0, { lookAhead: 0 }],
  ] as const)
    it(`holds exactly ${lookAhead} items for a path that is busy, beyond its queue, while the others go on`, async () => {
      const { source, watch } = watchedGenerator(Number.POSITIVE_INFINITY)
      const routed: number[] = []
      const gate = deferred()
      const pipeline = new PipelineBuilder()
        .addSource(source)
        .pathVariants(
          (value) => {
            routed.push(value)
            return parity(value)
          },
          [
            (path) =>
              path.pipe(async (value) => {
                await gate.promise
                return value
              }),
            (path) => path.pipe((item) => item),
          ],
          options,
        )
        .build()
      const seen: number[] = []
      const items = pipeline.forEach((item) => void seen.push(item))
      await settled(() => watch.pulls)
      const even = routed.filter((value) => value % 2 === 0)
      // One call, two places in the queue.
      assert.equal(even.length, 3 + lookAhead)
      assert.deepEqual(
        seen,
        routed.filter((value) => value % 2 === 1),
        'the items of the other path came out',
      )
      const router = pipeline.stats().stages[1]
      await turns(5)
      assert.ok((router?.sums.blockedMs ?? 0) > 0, 'it waits for a path, and not for an item')
      const draining = pipeline.stop({ mode: 'drain' })
      gate.resolve()
      await draining
      await items
      assert.deepEqual(
        seen.filter((value) => value % 2 === 0),
        routed.filter((value) => value % 2 === 0),
        'in order, none is lost',
      )
    })

  it('ends its epochs when all of it was given, though some waited for a path that was busy', async () => {
    const gates = new Gates<number>()
    const pipeline = new PipelineBuilder()
      .addSource(() => range(20), { continuous: true })
      .pathVariants(parity, [
        (path) =>
          path.pipe(async (value) => {
            await gates.wait(value)
            return value
          }),
        (path) => path.pipe((item) => item),
      ])
      .build()
    for (let epoch = 0; epoch < 3; epoch++) {
      const items: number[] = []
      await pipeline.forEach((item) => {
        items.push(item)
        if (items.length === 10) for (const value of range(20)) gates.open(value)
      })
      assert.deepEqual(sorted(items), range(20))
    }
    await pipeline.stop()
  })

  it('gives what was routed before its router failed, though it waited for a path', async () => {
    const gate = deferred()
    const pipeline = numbers(20)
      .pathVariants(
        (value) => (value === 10 ? 7 : 0),
        [
          (path) =>
            path.pipe(async (value) => {
              await gate.promise
              return value
            }),
        ],
      )
      .build()
    pipeline.start()
    await turns(10)
    gate.resolve()
    const { items } = await collectFailure(pipeline)
    assert.deepEqual(items, range(10))
  })

  it('keeps a state exact, in both orders, whatever waits for a path', async () => {
    for (const outputOrder of ['completion', 'input'] as const) {
      const builder = numbers(60)
        .pipe(function* (value) {
          yield value * 2
          yield value * 2 + 1
        })
        .pathVariants(parity, [
          (path) =>
            path.pipe(
              async (value) => {
                await turns(3)
                return value
              },
              { concurrency: 2, outputOrder },
            ),
          (path) =>
            path.pathVariants(
              (value) => value % 3,
              [double, plus100, (inner) => inner.pipe((item) => item)],
              { lookAhead: 4 },
            ),
        ])
      const whole = await collect(builder.build())
      const first = builder.build({ resumable: { commit: 'explicit' } })
      const committed: number[] = []
      let count = 0
      for await (const item of first) {
        if (count++ % 3 !== 0) {
          first.commit(item)
          committed.push(item)
        }
        if (count === 50) break
      }
      const state = JSON.parse(JSON.stringify(first.state()))
      await first.stop()
      const rest = await collect(builder.build({ resumable: true, state }))
      assert.deepEqual(sorted([...committed, ...rest]), sorted(whole))
    }
  })

  it('keeps the position of an item in its source', async () => {
    const pipeline = numbers(6)
      .pathVariants(parity, [double, (path) => path.pipe((value) => value)])
      .pipe((_, context) => context.index)
      .build()
    assert.deepEqual(sorted(await collect(pipeline)), range(6))
  })
})

describe('a router', () => {
  const wrong: unknown[] = [-1, 2, 7, 0.5, Number.NaN, undefined, '0', null]
  for (const answer of wrong) {
    it(`that says ${JSON.stringify(answer) ?? 'undefined'} of two paths fails the pipeline, whatever the budget`, async () => {
      const pipeline = numbers(50)
        .pathVariants((value) => (value === 4 ? (answer as number) : 0), [double, plus100])
        .build({ maxFailures: Number.POSITIVE_INFINITY })
      const { items, failure } = await collectFailure(pipeline)
      assert.deepEqual(items, [0, 2, 4, 6])
      assert.equal(failure.errors.length, 1)
      assertCode(failure.errors[0]?.cause, 'ERR_ROUTE')
    })
  }

  for (const [how, boom] of [
    ['throws', () => assert.fail('router')],
    ['rejects', async () => assert.fail('router')],
  ] as const) {
    it(`that ${how} fails the pipeline, whatever the budget`, async () => {
      const { source, watch } = watchedGenerator(Number.POSITIVE_INFINITY)
      const pipeline = new PipelineBuilder()
        .addSource(source)
        .pathVariants((value) => (value === 4 ? boom() : 1), [double, plus100])
        .build({ maxFailures: Number.POSITIVE_INFINITY })
      const { items, failure } = await collectFailure(pipeline)
      assert.deepEqual(items, range(4, 100))
      assert.match(String(failure.errors[0]?.cause), /router/)
      assert.equal(watch.closes, 1)
    })
  }
})

describe('a path whose op fails', () => {
  const fails = (path: Path) =>
    path.pipe(
      (): number => {
        throw new Error('path')
      },
      { name: 'failing path' },
    )

  it('drops its items and leaves the others alone, if that is tolerated', async () => {
    const pipeline = numbers(6).pathVariants(parity, [fails, plus100])
    assert.deepEqual(await collect(pipeline.build({ maxFailures: 3 })), [101, 103, 105])
  })

  it('fails the pipeline, if not, and blocks nothing however many items there are', async () => {
    for (const router of [parity, () => 0]) {
      const { source, watch } = watchedGenerator(200)
      const pipeline = new PipelineBuilder()
        .addSource(source)
        .pathVariants(router, [fails, plus100])
        .build()
      const { items, failure } = await collectFailure(pipeline)
      assert.ok(items.every((value) => value >= 100))
      assert.deepEqual(
        failure.errors.map((each) => each.stage),
        ['failing path'],
      )
      assert.equal(watch.closes, 1)
    }
  })

  it('is reported beside others that fail', async () => {
    const pipeline = numbers(6).pathVariants(parity, [fails, fails]).build({ maxFailures: 0 })
    const { items, failure } = await collectFailure(pipeline)
    assert.deepEqual(items, [])
    assert.ok(failure.errors.length >= 1)
  })
})

describe('variants that make no sense are refused when they are given', () => {
  const wrong: Record<string, () => unknown> = {
    'no paths': () => numbers(1).pathVariants(parity, []),
    'a router that is no function': () =>
      numbers(1).pathVariants(1 as unknown as typeof parity, [double]),
    'a path that is no function': () =>
      numbers(1).pathVariants(parity, [7 as unknown as typeof double]),
    'a path that gives no builder': () =>
      numbers(1).pathVariants(parity, [(() => 7) as unknown as typeof double]),
    'a path with a source': () => numbers(1).pathVariants(parity, [double, () => numbers(3)]),
    'a path that adds a source': () =>
      numbers(1).pathVariants(parity, [(path) => path.addSource([1])]),
    'a path with a sink': () => numbers(1).pathVariants(parity, [(path) => path.addSink()]),
  }
  for (const [what, make] of Object.entries(wrong)) {
    it(what, () => throwsCode(make, /^ERR_/))
  }
})

it('a failing router is named', async () => {
  const pipeline = numbers(1)
    .pathVariants(() => 9, [double], { name: 'by size' })
    .build()
  assertCode(await failureCause(pipeline), 'ERR_ROUTE', /9/)
})
