import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  concat,
  DistributedSampler,
  embedShuffle,
  mix,
  repeat,
  shuffleBuffer,
  shuffled,
  skip,
  split,
  take,
} from 'spindle/source'

const sorted = <T>(items: Iterable<T>) => [...items].sort((a, b) => Number(a) - Number(b))
const range = (count: number) => Array.from({ length: count }, (_, i) => i)
const members = [
  [0, 1, 2],
  [10, 11, 12],
  [20, 21, 22],
] as const

describe('mix', () => {
  it('takes from its sources in turn', () => {
    assert.deepEqual(
      [
        ...mix([
          [0, 1, 2],
          [10, 11, 12],
          [20, 21, 22],
        ]),
      ],
      [0, 10, 20, 1, 11, 21, 2, 12, 22],
    )
  })

  it('passes over sources that have ended, until all have', () => {
    assert.deepEqual([...mix([[0, 1, 2], [10], [20, 21, 22]])], [0, 10, 20, 1, 21, 2, 22])
  })

  it("ends at the turn of a source that has no more, with `stop: 'first'`", () => {
    const first = (sources: number[][]) => [...mix(sources, { stop: 'first' })]
    assert.deepEqual(first([[0, 1, 2], [10], [20, 21, 22]]), [0, 10, 20, 1])
    assert.deepEqual(first([[0, 1, 2], [10, 11], [20]]), [0, 10, 20, 1, 11])
    assert.deepEqual(first([[0], [10, 11, 12], [20, 21, 22]]), [0, 10, 20])
    assert.deepEqual(first([[], [10]]), [])
    // The same where ends show only when they come.
    const streams = (sources: number[][]) => [
      ...mix(
        sources.map((items) => new Set(items)),
        { stop: 'first' },
      ),
    ]
    assert.deepEqual(streams([[0, 1, 2], [10], [20, 21, 22]]), [0, 10, 20, 1])
    assert.deepEqual(streams([[0, 1, 2], [10, 11], [20]]), [0, 10, 20, 1, 11])
  })

  it('ends after as many items as are taken, or when there are no more', () => {
    const short = [[0, 1, 2], [10], [20, 21, 22]]
    for (const count of [1, 5, 7]) assert.equal([...take(mix(short), count)].length, count)
    assert.equal([...take(mix(short), 8)].length, 7)
    assert.equal([...take(mix(short.map((items) => new Set(items))), 5)].length, 5)
  })

  it('gives all of all sources with weights, equal or not', () => {
    for (const weights of [
      [1, 1, 1],
      [5, 1, 0.1],
    ]) {
      assert.deepEqual(sorted(mix(members, { weights })), members.flat())
    }
  })

  it('leaves out sources of weight 0', () => {
    assert.deepEqual(sorted(mix(members, { weights: [1, 0, 2] })), [0, 1, 2, 20, 21, 22])
  })

  it('takes nearly all from a source that has nearly all the weight', () => {
    const heavy = range(100)
    const light = [1000, 1001]
    const order = [...mix([heavy, light], { weights: [1e6, 1], seed: 3 })]
    assert.deepEqual(order.slice(0, 3), [0, 1, 2])
    assert.deepEqual([...mix([heavy, light], { weights: [1e6, 1], seed: 3, stop: 'first' })], heavy)
  })

  it('keeps to the weights within one item a source, at every position', () => {
    const weights = [5, 2, 1, 0.25]
    const total = 8.25
    for (let seed = 0; seed < 20; seed++) {
      const given = [0, 0, 0, 0]
      const order = take(
        mix(
          range(4).map((i) => repeat([i])),
          { weights, seed },
        ),
        1000,
      )
      for (const [position, source] of [...order].entries()) {
        given[source]!++
        for (const [i, weight] of weights.entries())
          assert.ok(Math.abs(given[i]! - ((position + 1) * weight) / total) < weights.length)
      }
    }
  })

  it('has another order for another seed and epoch', () => {
    const order = (seed: number, epoch: number) =>
      [...mix([range(20), range(20).map((i) => i + 100)], { weights: [1, 1], seed, epoch })].join()
    assert.equal(new Set([order(0, 0), order(1, 0), order(0, 1), order(1, 1)]).size, 4)
    assert.equal(order(1, 1), order(1, 1))
  })

  it('begins far away at once, though a source weighs next to nothing', () => {
    const sources = [repeat(range(1000)), repeat(['rare'])]
    const order = mix<(typeof sources)[number]>(sources, { weights: [1e9, 1], seed: 1 })
    const steps = order.iterateFrom(1e12, 0)[Symbol.iterator]()
    for (let i = 0; i < 100; i++) assert.equal(steps.next().done, false)
  })

  it('refuses sources and weights that make no sense, with the rule', () => {
    const cases: [() => unknown, RegExp][] = [
      [() => mix([]), /`sources` must be an array of at least one source/],
      [
        () => mix(members, { weights: [1, 2] }),
        /`weights` must be an array of 3 numbers, one a source/,
      ],
      [
        () => mix(members, { weights: [1, 2, -1] }),
        /`weights` must be made of finite numbers >= 0, got -1/,
      ],
      [() => mix(members, { weights: [0, 0, 0] }), /`weights` must be not all 0/],
      [() => mix(members, { stop: 'last' as 'all' }), /`stop` must be 'first' or 'all'/],
      [() => mix([5 as unknown as number[]]), /`sources` must be an array, a seekable source/],
      [
        () =>
          mix([split([1, 2], { rank: 0, worldSize: 2 }), split([1, 2], { rank: 1, worldSize: 2 })]),
        /of one rank and world size/,
      ],
    ]
    for (const [make, message] of cases) assert.throws(make, { code: 'ERR_BAD_OPTION', message })
  })
})

describe('repeat', () => {
  it('gives each time the next epoch of its source', () => {
    const epochs: number[] = []
    const source = {
      size: 2,
      description: { kind: 'test' },
      *iterateFrom(position: number, epoch: number) {
        if (position === 0) epochs.push(epoch)
        yield* [0, 1].slice(position)
      },
      [Symbol.iterator]: () => [0, 1][Symbol.iterator](),
    }
    assert.equal([...take(repeat(source), 10)].length, 10)
    assert.deepEqual(epochs, [0, 1, 2, 3, 4])
    assert.deepEqual([...repeat(source, { times: 2 }).iterateFrom(3, 5)], [1])
  })

  it('goes on for ever', () => {
    assert.deepEqual(
      [...take(repeat(['a', 'b', 'c']), 300)],
      range(300).map((i) => 'abc'[i % 3]),
    )
    assert.equal([...take(repeat(new Set(['a', 'b', 'c'])), 300)].length, 300)
    assert.equal(repeat(['a']).size, Number.POSITIVE_INFINITY)
  })

  it('ends at once where there is nothing to repeat', () => {
    assert.deepEqual([...repeat([])], [])
    assert.deepEqual([...repeat(new Set())], [])
  })

  it('refuses what can be gone through once only', () => {
    assert.throws(() => repeat([1, 2].values()), {
      code: 'ERR_BAD_OPTION',
      message: /more than once/,
    })
    assert.throws(() => repeat([1], { times: -1 }), { code: 'ERR_BAD_OPTION', message: /`times`/ })
  })
})

describe('embedShuffle', () => {
  class Log {
    readonly epochs: number[] = []
    private order = [0, 1, 2]

    setEpoch(epoch: number): void {
      this.epochs.push(epoch)
      this.order = [epoch % 3, (epoch + 1) % 3, (epoch + 2) % 3]
    }

    *[Symbol.iterator](): Generator<number> {
      yield* this.order
    }
  }

  it('sets the epoch before each iteration', () => {
    const log = new Log()
    const source = embedShuffle(log)
    assert.deepEqual(
      [[...source], [...source], [...source]],
      [
        [0, 1, 2],
        [1, 2, 0],
        [2, 0, 1],
      ],
    )
    assert.deepEqual(log.epochs, [0, 1, 2])
  })

  it('counts an iteration that is given up', () => {
    const log = new Log()
    const source = embedShuffle(log, { epoch: 4 })
    for (const _ of source) break
    for (const _ of source) break
    assert.deepEqual(log.epochs, [4, 5])
  })

  it('sets it after the iteration with `shuffleLast`, also of one that is given up', () => {
    const log = new Log()
    const source = embedShuffle(log, { shuffleLast: true })
    assert.deepEqual([...source], [0, 1, 2])
    assert.deepEqual(log.epochs, [0])
    for (const _ of source) break
    assert.deepEqual(log.epochs, [0, 1])
    assert.deepEqual([...source], [1, 2, 0])
  })

  it('stays seekable, and tells the epoch that comes next', () => {
    const inner = shuffled(10, { seed: 4 })
    const source = embedShuffle(inner, { epoch: 2 })
    assert.deepEqual([...source], [...inner.iterateFrom(0, 2)])
    assert.equal(source.epoch, 3)
    assert.equal(source.size, 10)
    assert.deepEqual([...source.iterateFrom(7, 2)], [...inner.iterateFrom(7, 2)])
    assert.deepEqual(source.description, inner.description)
    // What it had done is in `epoch`: made again with it, it goes on.
    assert.deepEqual(
      [...embedShuffle(shuffled(10, { seed: 4 }), { epoch: source.epoch })],
      [...source],
    )
  })

  it('refuses a source without epochs', () => {
    assert.throws(() => embedShuffle([1] as never), {
      code: 'ERR_BAD_OPTION',
      message: /`setEpoch`/,
    })
  })
})

describe('split', () => {
  it('splits a part into parts', () => {
    const parts = range(2).flatMap((machine) =>
      range(3).map((process) => [
        ...split(split(range(20), { rank: machine, worldSize: 2 }), {
          rank: process,
          worldSize: 3,
        }),
      ]),
    )
    assert.deepEqual(parts[0], [0, 6, 12, 18])
    assert.deepEqual(sorted(parts.flat()), range(20))
  })

  it('of a sampler is a part of its rank', () => {
    const sampler = new DistributedSampler(20, { rank: 1, worldSize: 2, shuffle: true })
    const halves = [0, 1].map((rank) => [...split(sampler, { rank, worldSize: 2 })])
    assert.deepEqual(sorted(halves.flat()), sorted(sampler))
  })

  it('refuses a rank that is none', () => {
    assert.throws(() => split([1], { rank: 2, worldSize: 2 }), {
      code: 'ERR_BAD_OPTION',
      message: /`rank`/,
    })
  })
})

describe('shuffleBuffer', () => {
  it('moves no item further than its size', () => {
    for (let seed = 0; seed < 50; seed++) {
      for (const [position, item] of [...shuffleBuffer(range(100), { size: 10, seed })].entries())
        assert.ok(Math.abs(position - item) < 10)
    }
  })

  it('puts no two neighbours into different blocks in every epoch', () => {
    const order = shuffleBuffer(range(40), { size: 8, seed: 1 })
    const inverted = new Set<number>()
    for (let epoch = 0; epoch < 60; epoch++) {
      const places = new Array<number>(40)
      for (const [position, item] of [...order.iterateFrom(0, epoch)].entries())
        places[item] = position
      for (let item = 0; item < 39; item++)
        if (places[item]! > places[item + 1]!) inverted.add(item)
    }
    assert.equal(inverted.size, 39)
  })

  it('holds no more than its size of a stream, and closes it', async () => {
    let read = 0
    let isClosed = false
    async function* stream() {
      try {
        for (; ; read++) yield read
      } finally {
        isClosed = true
      }
    }
    let given = 0
    for await (const _ of shuffleBuffer(stream(), { size: 16 })) {
      given++
      assert.ok(read - given <= 16)
      if (given === 100) break
    }
    assert.ok(isClosed)
  })

  it('refuses sizes that are none', () => {
    assert.throws(() => shuffleBuffer([1], { size: 0 }), {
      code: 'ERR_BAD_OPTION',
      message: /`size`/,
    })
    assert.throws(() => shuffleBuffer([1], {} as never), {
      code: 'ERR_BAD_OPTION',
      message: /`size`/,
    })
  })
})

describe('what has no known size', () => {
  it('is not shuffled as a whole, nor put before another', () => {
    assert.throws(() => shuffled(new Set([1])), { code: 'ERR_BAD_OPTION', message: /known size/ })
    assert.throws(() => concat([new Set([1])]), { code: 'ERR_BAD_OPTION', message: /known sizes/ })
    assert.throws(() => shuffled(repeat([1])), { code: 'ERR_BAD_OPTION', message: /known size/ })
  })

  it('is given plainly by transforms, without positions', async () => {
    async function* letters() {
      yield* 'abcdef'
    }
    const some = take(skip(letters(), 1), 3)
    assert.ok(!('iterateFrom' in some))
    const read: string[] = []
    for await (const letter of some) read.push(letter)
    assert.deepEqual(read, ['b', 'c', 'd'])
  })
})

it('a source of another make that gives a part only is not put in another order', () => {
  const part = {
    size: 10,
    description: { kind: 'test' },
    shard: { rank: 1, worldSize: 2 },
    *iterateFrom(position: number) {
      for (let p = 1; p < 10; p += 2) if (p >= position) yield p
    },
    [Symbol.iterator]: () => [1, 3, 5, 7, 9][Symbol.iterator](),
  }
  assert.deepEqual([...take(part, 6)], [1, 3, 5])
  assert.deepEqual([...split(part, { rank: 1, worldSize: 2 })], [3, 7])
  assert.throws(() => [...shuffled(take(part, 10))], {
    code: 'ERR_BAD_SOURCE',
    message: /split what comes last/,
  })
  assert.throws(() => shuffled(part), { code: 'ERR_BAD_OPTION', message: /split what comes last/ })
})
