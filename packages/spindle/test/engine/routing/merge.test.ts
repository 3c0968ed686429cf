import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { merge, PipelineBuilder } from 'spindle'
import { collect, collectFailure, take, throwsCode } from '../../support/consume.ts'
import { Gates, turns, until } from '../../support/gates.ts'
import { range, watchedAsyncGenerator, watchedGenerator } from '../../support/sources.ts'

const from = (first: number, count: number) => new PipelineBuilder().addSource(range(count, first))
const sorted = (items: number[]) => items.toSorted((a, b) => a - b)

describe('merge', () => {
  it('gives the items of all its inputs', async () => {
    assert.deepEqual(sorted(await collect(merge(from(0, 5), from(5, 5)).build())), range(10))
    const three = merge(
      from(0, 3).pipe((value) => value * 2),
      from(10, 1),
      from(100, 7).pipe(async (value) => value, { concurrency: 3 }),
    ).pipe((value) => value + 1)
    assert.deepEqual(sorted(await collect(three.build())), [1, 3, 5, 11, ...range(7, 101)])
  })

  it('takes inputs of any kind: empty ones, batches, other types, other lengths', async () => {
    const mixed = merge(
      from(0, 0),
      from(0, 5).aggregate(2),
      new PipelineBuilder().addSource(['a', 'b']),
    )
    const items = await collect(mixed.build())
    assert.equal(items.length, 5)
    assert.deepEqual(
      new Set(items.map((item) => JSON.stringify(item))),
      new Set(['[0,1]', '[2,3]', '[4]', '"a"', '"b"']),
    )
  })

  it('of one input is that input, and of empty ones is empty', async () => {
    assert.deepEqual(await collect(merge(from(0, 5)).build()), range(5))
    assert.deepEqual(await collect(merge(from(0, 0), from(0, 0)).build()), [])
  })

  it('gives items as they arrive, and keeps the order within each input', async () => {
    const gates = new Gates<string>()
    const input = (name: string) =>
      new PipelineBuilder().addSource(['1', '2', '3']).pipe(async (part) => {
        await gates.wait(name + part)
        return name + part
      })
    const pipeline = merge(input('a'), input('b')).build()
    for (const key of ['b1', 'b2', 'a1', 'b3', 'a2', 'a3']) {
      const next = pipeline.getItem()
      await until(() => gates.waiting.includes(key))
      gates.open(key)
      assert.deepEqual(await next, { done: false, value: key })
    }
    assert.equal((await pipeline.getItem()).done, true)
  })

  it('starves no input: each of two endless ones gets its turn', async () => {
    const pipeline = merge(
      new PipelineBuilder()
        .addSource(watchedGenerator(Number.POSITIVE_INFINITY).source)
        .pipe(() => 'a'),
      new PipelineBuilder()
        .addSource(watchedGenerator(Number.POSITIVE_INFINITY).source)
        .pipe(() => 'b'),
    ).build()
    assert.deepEqual(new Set(await take(pipeline, 100)), new Set(['a', 'b']))
    await pipeline.stop()
  })

  it('nests, and can be merged again', async () => {
    const inner = merge(from(0, 3), from(3, 3)).pipe((value) => value)
    const outer = merge(inner, from(6, 2), merge(from(8, 1), from(9, 1)))
    assert.deepEqual(sorted(await collect(outer.aggregate(4).disaggregate().build())), range(10))
  })

  it('may take the same builder twice: two runs of it', async () => {
    const builder = from(0, 4)
    assert.deepEqual(
      sorted(await collect(merge(builder, builder).build())),
      [0, 0, 1, 1, 2, 2, 3, 3],
    )
  })

  it('tells each item its position in its own source', async () => {
    const pipeline = merge(from(0, 3), from(10, 3))
      .pipe((value, context) => [value, context.index])
      .build()
    const items = await collect(pipeline)
    assert.deepEqual(
      new Map(items as [number, number][]),
      new Map([
        [0, 0],
        [1, 1],
        [2, 2],
        [10, 0],
        [11, 1],
        [12, 2],
      ]),
    )
  })

  it('needs at least one input', () => {
    throwsCode(() => merge(), /^ERR_/, /one/)
  })
})

describe('merge with an op', () => {
  it('gets one async iterable an input, and gives what the op gives', async () => {
    const pipeline = merge(from(0, 3), from(10, 2), {
      async *op(inputs: readonly AsyncIterable<number>[]) {
        for (const [position, input] of inputs.entries()) {
          for await (const item of input) yield `${position}:${item}`
        }
      },
    }).build()
    assert.deepEqual(await collect(pipeline), ['0:0', '0:1', '0:2', '1:10', '1:11'])
  })

  it('is ended by the op: its inputs are closed, and the stream ends cleanly', async () => {
    const left = watchedGenerator(3)
    const right = watchedAsyncGenerator(Number.POSITIVE_INFINITY)
    const pipeline = merge(
      new PipelineBuilder().addSource(left.source).pipe((value) => value + 1),
      new PipelineBuilder().addSource(right.source).pipe(async (value) => value + 4),
      {
        async *op(inputs: readonly AsyncIterable<number>[]) {
          const iterators = inputs.map((input) => input[Symbol.asyncIterator]())
          for (;;) {
            for (const iterator of iterators) {
              const { done, value } = await iterator.next()
              if (done) return
              yield value
            }
          }
        },
      },
    ).build()
    assert.deepEqual(await collect(pipeline), [1, 4, 2, 5, 3, 6])
    await pipeline.done
    await turns(10)
    assert.deepEqual([left.watch.closes, right.watch.closes], [1, 1])
  })

  it('may pair items, drop undefined and give more than it got', async () => {
    const pipeline = merge(from(0, 4), from(0, 4), {
      async *op(inputs: readonly AsyncIterable<number>[]) {
        const [left, right] = inputs.map((input) => input[Symbol.asyncIterator]())
        for (;;) {
          const [a, b] = await Promise.all([left?.next(), right?.next()])
          if (a?.done !== false || b?.done !== false) return
          yield a.value % 2 === 0 ? undefined : [a.value, b.value]
        }
      },
    }).build()
    assert.deepEqual(await collect(pipeline), [
      [1, 1],
      [3, 3],
    ])
  })

  it('is asked for outputs only as there are places for them', async () => {
    let given = 0
    const pipeline = merge(from(0, 1000), {
      async *op(inputs: readonly AsyncIterable<number>[]) {
        for (const input of inputs) {
          for await (const item of input) {
            given++
            yield item
          }
        }
      },
    })
      .addSink(1)
      .build()
    assert.deepEqual(await take(pipeline, 1), [0])
    await turns(30)
    assert.ok(given <= 8, `${given} outputs made for one taken`)
    await pipeline.stop()
  })

  it('is stopped with the pipeline', async () => {
    let closed = 0
    const { source, watch } = watchedGenerator(Number.POSITIVE_INFINITY)
    const pipeline = merge(new PipelineBuilder().addSource(source), {
      async *op(inputs: readonly AsyncIterable<number>[]) {
        try {
          for (const input of inputs) yield* input
        } finally {
          closed++
        }
      },
    }).build()
    await take(pipeline, 3)
    await pipeline.stop()
    assert.equal(closed, 1)
    assert.equal(watch.closes, 1)
  })

  it('that throws fails the pipeline, whatever the budget, after what it gave', async () => {
    const error = new Error('merge')
    const { source, watch } = watchedGenerator(Number.POSITIVE_INFINITY)
    const pipeline = merge(new PipelineBuilder().addSource(source), {
      async *op(inputs: readonly AsyncIterable<number>[]) {
        for (const input of inputs) {
          for await (const item of input) {
            if (item === 3) throw error
            yield item
          }
        }
      },
    }).build({ maxFailures: Number.POSITIVE_INFINITY })
    const { items, failure } = await collectFailure(pipeline)
    assert.deepEqual(items, [0, 1, 2])
    assert.equal(failure.errors[0]?.cause, error)
    await turns(10)
    assert.equal(watch.closes, 1)
  })
})

describe("merge with stop: 'first'", () => {
  const endless = () => {
    const { source, watch } = watchedGenerator(Number.POSITIVE_INFINITY)
    return {
      watch,
      builder: new PipelineBuilder().addSource(source).pipe(async (value) => value + 1000),
    }
  }

  it('ends with the first input that has ended: all of that one comes out, the other sources are closed once', async () => {
    const [one, two] = [endless(), endless()]
    const pipeline = merge(one.builder, from(0, 5), two.builder, { stop: 'first' })
      .pipe((value) => value)
      .build()
    const items = await collect(pipeline)
    assert.deepEqual(
      items.filter((value) => value < 1000),
      range(5),
    )
    for (const { watch } of [one, two]) assert.equal(watch.closes, watch.opens)
    await pipeline.done
    const { stages } = pipeline.stats()
    const merged = stages.find(({ name }) => name === 'merge')
    assert.equal(merged?.emitted, items.length, 'what was in the merge came out')
  })

  it('ends at once where an input is empty, and with a failure where one fails', async () => {
    const one = endless()
    assert.deepEqual(await collect(merge(from(0, 0), one.builder, { stop: 'first' }).build()), [])
    const two = endless()
    const failing = from(0, 3).pipe((value): number => {
      if (value === 2) throw new Error('on purpose')
      return value
    })
    const { items } = await collectFailure(merge(failing, two.builder, { stop: 'first' }).build())
    assert.deepEqual(
      items.filter((value) => value < 1000),
      [0, 1],
    )
    // Where the failure comes first, it has not even begun.
    assert.equal(two.watch.closes, two.watch.opens)
  })

  it('waits for all inputs where nothing is said, or all', async () => {
    for (const options of [{}, { stop: 'all' }] as const)
      assert.deepEqual(
        sorted(await collect(merge(from(0, 2), from(2, 9), options).build())),
        range(11),
      )
  })

  it('ends an epoch of continuous sources with the first input, and begins the next one anew', async () => {
    const opened: number[] = []
    let closes = 0
    const long = new PipelineBuilder().addSource(
      async function* ({ epoch }: { epoch: number }) {
        opened.push(epoch)
        try {
          for (let n = 0; ; n++) yield 1000 + epoch * 100_000 + n
        } finally {
          closes++
        }
      },
      { continuous: true },
    )
    const short = new PipelineBuilder().addSource(({ epoch }) => range(4, epoch * 10), {
      continuous: true,
    })
    const pipeline = merge(
      long.pipe(async (value) => value, { concurrency: 3 }),
      short,
      { stop: 'first' },
    ).build()
    for (let epoch = 0; epoch < 4; epoch++) {
      const items = await collect(pipeline)
      assert.deepEqual(
        items.filter((value) => value < 1000),
        range(4, epoch * 10),
      )
      const others = sorted(items.filter((value) => value >= 1000))
      assert.deepEqual(others, range(others.length, 1000 + epoch * 100_000))
    }
    await pipeline.stop()
    assert.deepEqual(opened, range(opened.length))
    assert.equal(closes, opened.length)
  })

  it('keeps a state exact, and refuses one of continuous sources', async () => {
    const build = (options: object) =>
      merge(
        from(0, 8),
        from(100, 8).pipe((value) => value),
        { stop: 'first' },
      ).build({ resumable: true, ...options })
    const first = build({})
    const before = await take(first, 5)
    const state = JSON.parse(JSON.stringify(first.state()))
    await first.stop()
    const after = await collect(build({ state }))
    const all = [...before.slice(0, 4), ...after]
    assert.equal(new Set(all).size, all.length, 'nothing comes twice')
    assert.deepEqual(sorted(all.filter((value) => value < 100)), range(8))
    throwsCode(
      () => merge(from(0, 8), from(100, 8)).build({ resumable: true, state }),
      'ERR_OTHER_STATE',
      /until the first has ended/,
    )
    const again = () => new PipelineBuilder().addSource(range(3), { continuous: true })
    throwsCode(
      () => merge(again(), again(), { stop: 'first' }).build({ resumable: true }),
      'ERR_NOT_RESUMABLE',
      /ends its epochs with the first input/,
    )
  })

  it('is checked', () => {
    throwsCode(
      () => merge(from(0, 1), { stop: 'last' as 'first' }),
      'ERR_BAD_OPTION',
      /`stop` must be/,
    )
    throwsCode(
      () => merge(from(0, 1), { op: () => [], stop: 'first' } as never),
      'ERR_BAD_OPTION',
      /`stop` must be left out where there is an `op`/,
    )
  })
})
