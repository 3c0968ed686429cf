import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Aggregator, PipelineBuilder } from 'spindle'
import { collect, collectFailure, take, throwsCode } from '../../support/consume.ts'
import { range } from '../../support/sources.ts'

const numbers = (count: number) => new PipelineBuilder().addSource(range(count))

/** Joins strings until there are more than `limit` characters of them. */
class Joiner implements Aggregator<string, string> {
  readonly #limit: number
  #text = ''
  constructor(limit: number) {
    this.#limit = limit
  }
  accumulate(item: string): string | undefined {
    this.#text += item
    return this.#text.length >= this.#limit ? this.#take() : undefined
  }
  flush(): string | undefined {
    return this.#text === '' ? undefined : this.#take()
  }
  #take(): string {
    const text = this.#text
    this.#text = ''
    return text
  }
}

describe('aggregate by count', () => {
  it('gives arrays of that many items, and the rest at the end', async () => {
    assert.deepEqual(await collect(numbers(13).aggregate(4).build()), [
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9, 10, 11],
      [12],
    ])
  })

  it('leaves the rest out with dropLast', async () => {
    const batches = await collect(numbers(13).aggregate(4, { dropLast: true }).build())
    assert.deepEqual(batches, [range(4), range(4, 4), range(4, 8)])
    assert.deepEqual(await collect(numbers(5).aggregate(3, { dropLast: true }).build()), [
      [0, 1, 2],
    ])
    assert.deepEqual(await collect(numbers(2).aggregate(3, { dropLast: true }).build()), [])
  })

  it('gives no empty batch when the items divide evenly, or when there are none', async () => {
    assert.deepEqual(await collect(numbers(6).aggregate(3).build()), [
      [0, 1, 2],
      [3, 4, 5],
    ])
    assert.deepEqual(await collect(numbers(0).aggregate(3).build()), [])
  })

  it('gives one short batch when there are fewer items than that', async () => {
    assert.deepEqual(await collect(numbers(5).aggregate(10).build()), [range(5)])
    assert.deepEqual(await collect(numbers(1).aggregate(3).build()), [[0]])
  })

  it('may be by one', async () => {
    assert.deepEqual(await collect(numbers(3).aggregate(1).build()), [[0], [1], [2]])
  })

  it('gives arrays of their own: changing one changes no other', async () => {
    const batches: number[][] = []
    for await (const batch of numbers(6).aggregate(2).build()) {
      batch.push(-1)
      batches.push(batch)
    }
    assert.deepEqual(batches, [
      [0, 1, -1],
      [2, 3, -1],
      [4, 5, -1],
    ])
  })

  it('works behind and before other stages', async () => {
    const pipeline = numbers(10)
      .pipe(async (value) => (value % 5 === 4 ? undefined : value))
      .aggregate(3)
      .pipe(async (batch) => batch.length)
      .build()
    assert.deepEqual(await collect(pipeline), [3, 3, 2])
  })

  it('refuses sizes that are not whole numbers from one up', () => {
    for (const size of [0, -1, 1.5, Number.NaN, '3' as unknown as number]) {
      throwsCode(() => numbers(1).aggregate(size), 'ERR_BAD_OPTION')
    }
  })

  it('delivers what was collected before an upstream stage failed', async () => {
    const pipeline = numbers(10)
      .pipe((value) => {
        if (value === 7) throw new Error('seven')
        return value
      })
      .aggregate(3)
      .build()
    const { items } = await collectFailure(pipeline)
    assert.deepEqual(items, [[0, 1, 2], [3, 4, 5], [6]])
  })
})

describe('aggregate with an aggregator', () => {
  const strings = () =>
    new PipelineBuilder().addSource(['a', 'bb', 'ccc', 'dddd', 'e', 'ff', 'ggg', 'h'])

  it('gives what accumulate returns, and at the end what flush returns', async () => {
    const pipeline = strings().aggregate(() => new Joiner(10))
    assert.deepEqual(await collect(pipeline.build()), ['abbcccdddd', 'effgggh'])
  })

  it('does not call flush at the end of the stream with dropLast', async () => {
    let flushes = 0
    class Watched extends Joiner {
      override flush(): string | undefined {
        flushes++
        return super.flush()
      }
    }
    const pipeline = strings().aggregate(() => new Watched(10), { dropLast: true })
    assert.deepEqual(await collect(pipeline.build()), ['abbcccdddd'])
    assert.equal(flushes, 0)
  })

  it('gets every item, in order, one at a time', async () => {
    const seen: number[] = []
    const pipeline = numbers(7).aggregate(() => ({
      accumulate(item: number) {
        seen.push(item)
        return seen.length % 3 === 0 ? seen.slice(-3) : undefined
      },
      flush: () => seen.slice(-1),
    }))
    assert.deepEqual(await collect(pipeline.build()), [[0, 1, 2], [3, 4, 5], [6]])
    assert.deepEqual(seen, range(7))
  })

  it('treats null as a batch, and undefined as none', async () => {
    const pipeline = numbers(4).aggregate(() => ({
      accumulate: (item: number) => (item % 2 === 0 ? null : undefined),
      flush: () => null,
    }))
    assert.deepEqual(await collect(pipeline.build()), [null, null, null])
  })

  it('is made anew for each build: nothing is left over for the next run', async () => {
    let made = 0
    const builder = new PipelineBuilder().addSource(['a', 'b', 'c']).aggregate(
      () => {
        made++
        return new Joiner(2)
      },
      { dropLast: true },
    )
    assert.deepEqual(await collect(builder.build()), ['ab'])
    assert.deepEqual(await collect(builder.build()), ['ab'])
    assert.equal(made, 2)
  })

  it('is given as a function that makes it: an instance is refused', () => {
    const instance = new Joiner(3) as unknown as () => Joiner
    throwsCode(() => strings().aggregate(instance), 'ERR_BAD_OPTION')
  })

  for (const method of ['accumulate', 'flush'] as const) {
    it(`fails the stage when ${method} throws, whatever the budget`, async () => {
      const error = new Error('cannot batch')
      const pipeline = numbers(5)
        .aggregate(() => ({
          accumulate(item: number): number[] | undefined {
            if (method === 'accumulate' && item === 3) throw error
            return [item]
          },
          flush(): number[] | undefined {
            if (method === 'flush') throw error
            return undefined
          },
        }))
        .build({ maxFailures: Number.POSITIVE_INFINITY })
      const { items, failure } = await collectFailure(pipeline)
      assert.deepEqual(items.flat(), method === 'accumulate' ? [0, 1, 2] : range(5))
      assert.equal(failure.errors.length, 1)
      assert.equal(failure.errors[0]?.cause, error)
    })
  }
})

describe('an aggregator that fills several batches at once', () => {
  /** Pairs of even and of odd numbers. */
  const pairs = (): Aggregator<number, number[]> => {
    let kinds: [number[], number[]] = [[], []]
    return {
      accumulate(value) {
        const kind = kinds[value % 2] as number[]
        kind.push(value)
        return kind.length < 2 ? undefined : kind.splice(0)
      },
      flush() {
        const rest = kinds.flat()
        kinds = [[], []]
        return rest.length > 0 ? rest : undefined
      },
    }
  }

  it('gives its rest, whatever was given last; the rest has the index of the last item then', async () => {
    const pipeline = numbers(4)
      .aggregate(pairs)
      .pipe((batch, { index }) => ({ batch, index }))
    assert.deepEqual(await collect(pipeline.build()), [
      { batch: [0, 2], index: 0 },
      { batch: [1, 3], index: 3 },
    ])
    // At the flush there is no item since the last batch.
    const three = numbers(3).aggregate(pairs)
    assert.deepEqual(await collect(three.build()), [[0, 2], [1]])
  })

  it('gives the rest of each epoch', async () => {
    const pipeline = new PipelineBuilder()
      .addSource(() => range(3), { continuous: true })
      .aggregate(pairs)
      .build()
    for (let epoch = 0; epoch < 2; epoch++) assert.deepEqual(await collect(pipeline), [[0, 2], [1]])
    await pipeline.stop()
  })
})

describe('disaggregate', () => {
  it('gives the elements of each array, in order', async () => {
    const pipeline = new PipelineBuilder()
      .addSource([[0, 1], [], [2], [3, 4, 5]])
      .disaggregate()
      .build()
    assert.deepEqual(await collect(pipeline), range(6))
  })

  it('undoes aggregate', async () => {
    assert.deepEqual(await collect(numbers(10).aggregate(3).disaggregate().build()), range(10))
  })

  it('takes any iterable: sets, typed arrays, generator objects', async () => {
    const three = function* (): Generator<number> {
      yield* [3, 4]
    }
    const pipeline = new PipelineBuilder()
      .addSource<Iterable<number>>([new Set([0, 1]), Uint8Array.of(2), three()])
      .disaggregate()
      .build()
    assert.deepEqual(await collect(pipeline), range(5))
  })

  it('drops undefined elements and keeps null', async () => {
    const pipeline = new PipelineBuilder()
      .addSource([[undefined, null, 0], [undefined], [false, '']])
      .disaggregate()
      .build()
    assert.deepEqual(await collect(pipeline), [null, 0, false, ''])
  })

  it('takes elements one at a time: an endless iterable is no trouble', async () => {
    const endless: Iterable<number> = {
      *[Symbol.iterator]() {
        for (let value = 0; ; value++) yield value
      },
    }
    const pipeline = new PipelineBuilder().addSource([endless]).disaggregate().build()
    assert.deepEqual(await take(pipeline, 5), range(5))
    await pipeline.stop()
  })

  it('fails an item that is not iterable', async () => {
    const mixed = [[0], 1 as unknown as number[], [2]]
    const pipeline = new PipelineBuilder().addSource(mixed).disaggregate().build({ maxFailures: 1 })
    assert.deepEqual(await collect(pipeline), [0, 2])
    assert.equal(pipeline.stats().stages[1]?.failures, 1)
  })
})
