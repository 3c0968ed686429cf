import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { DistributedSampler, KeyedPermutation, mix, shuffleBuffer, shuffled } from 'spindle/source'
import { tries } from '../support/tries.ts'

/**
 * From `orders.py`, which is written anew from the definition. They never change: runs recorded
 * with one version repeat with another.
 */
const vectors = JSON.parse(readFileSync(new URL('fixtures/orders.json', import.meta.url), 'utf8'))

describe('the orders are those of the definition, as another implementation has them', () => {
  it('KeyedPermutation', () => {
    for (const { size, key, first, last } of vectors.permutations) {
      const order = new KeyedPermutation(size, ...key)
      assert.deepEqual(
        first.map((_: number, position: number) => order.at(position)),
        first,
        `size ${size}, key ${key}`,
      )
      assert.equal(order.at(size - 1), last)
    }
  })

  it('shuffled and DistributedSampler have the permutation of (seed, epoch)', () => {
    for (const { size, key, first } of vectors.permutations) {
      const [seed, epoch] = key
      const sampler = new DistributedSampler(size, { shuffle: true, seed })
      const heads = [shuffled(size, { seed }), sampler].map((source) => {
        const steps = source.iterateFrom(0, epoch)[Symbol.iterator]()
        return first.map(() => steps.next().value)
      })
      assert.deepEqual(heads, [first, first])
    }
  })

  it('draws with replacement', () => {
    for (const { size, seed, epoch, first } of vectors.uniformDraws) {
      const sampler = new DistributedSampler(size, {
        replacement: true,
        numDraws: first.length,
        seed,
        epoch,
      })
      assert.deepEqual([...sampler], first)
    }
  })

  it('shuffleBuffer', () => {
    for (const { source, size, seed, epoch, order } of vectors.buffers) {
      const items = Array.from({ length: source }, (_, i) => i)
      assert.deepEqual([...shuffleBuffer(items, { size, seed, epoch })], order)
    }
  })

  it('mix', () => {
    for (const { counts, weights, seed, epoch, order } of vectors.mixes) {
      const sources = counts.map((count: number, source: number) =>
        new Array<number>(count).fill(source),
      )
      assert.deepEqual([...mix<number[]>(sources, { weights, seed, epoch })], order)
    }
  })
})

describe('KeyedPermutation', () => {
  it('has every number once', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3000 }),
        fc.maxSafeInteger(),
        fc.nat(),
        (size, seed, epoch) => {
          const order = new KeyedPermutation(size, seed, epoch)
          const numbers = new Set<number>()
          for (let position = 0; position < size; position++) {
            const number = order.at(position)
            assert.ok(Number.isInteger(number) && number >= 0 && number < size)
            assert.equal(order.positionOf(number), position)
            numbers.add(number)
          }
          assert.equal(numbers.size, size)
        },
      ),
      { numRuns: tries(60) },
    )
  })

  it('can be turned round at any size', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 53 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.nat(),
        (log, share, seed) => {
          const size = 2 ** log
          const order = new KeyedPermutation(size, seed)
          const position = Math.min(size - 1, Math.floor(share * size))
          const number = order.at(position)
          assert.ok(Number.isSafeInteger(number) && number >= 0 && number < size)
          assert.equal(order.positionOf(number), position)
        },
      ),
      { numRuns: 2000 },
    )
  })

  // Chi-square tests. The keys are fixed, so these pass always or never; five standard deviations
  // tell a fault from a fluke.
  for (const size of [2, 3, 4, 5, 6]) {
    it(`has each order of ${size} equally often`, () => {
      const count = Array.from({ length: size }, (_, i) => i + 1).reduce(
        (product, i) => product * i,
      )
      const seen = new Map<string, number>()
      for (let seed = 0; seed < count * 100; seed++) {
        const order = new KeyedPermutation(size, seed, 1)
        const text = Array.from({ length: size }, (_, position) => order.at(position)).join()
        seen.set(text, (seen.get(text) ?? 0) + 1)
      }
      assertEven([...seen.values()], count, 100)
    })
  }

  for (const size of [7, 8, 9, 30, 31]) {
    it(`has each pair of numbers at two positions equally often, of ${size}`, () => {
      for (const [one, two] of [
        [0, 1],
        [0, size - 1],
        [1, Math.ceil(Math.sqrt(size))],
      ] as const) {
        const seen = new Map<number, number>()
        for (let seed = 0; seed < size * (size - 1) * 50; seed++) {
          const order = new KeyedPermutation(size, seed, 2)
          const pair = order.at(one) * size + order.at(two)
          seen.set(pair, (seen.get(pair) ?? 0) + 1)
        }
        assertEven([...seen.values()], size * (size - 1), 50)
      }
    })
  }

  it('has each tenth of the numbers in each tenth of the positions equally often, for large sizes', () => {
    for (const size of [99_991, 1e9, 2 ** 53]) {
      const order = new KeyedPermutation(size, 5)
      const cells = new Array<number>(100).fill(0)
      for (let i = 0; i < 100_000; i++) {
        const position = Math.floor((i / 100_000) * size)
        cells[Math.floor(i / 10_000) * 10 + Math.floor((order.at(position) / size) * 10)]!++
      }
      assertEven(cells, 100, 1000)
    }
  })

  it('puts neighbours into any two tenths equally often, from key to key', () => {
    for (const size of [1024, 1030, 1e12]) {
      const cells = new Array<number>(100).fill(0)
      for (let seed = 0; seed < 20_000; seed++) {
        const order = new KeyedPermutation(size, seed)
        const [one, two] = [order.at(size - 2), order.at(size - 1)]
        cells[Math.floor((one / size) * 10) * 10 + Math.floor((two / size) * 10)]!++
      }
      assertEven(cells, 100, 200)
    }
  })

  it('refuses sizes and keys that make no sense, with the rule', () => {
    for (const size of [0, -1, 1.5, Number.NaN, 2 ** 53 + 2])
      assert.throws(() => new KeyedPermutation(size), {
        code: 'ERR_BAD_OPTION',
        message: /`size` must be an integer/,
      })
    assert.throws(() => new KeyedPermutation(5, 0.5), { code: 'ERR_BAD_OPTION', message: /`key`/ })
  })
})

function assertEven(counts: readonly number[], cells: number, expected: number): void {
  let chiSquare = (cells - counts.length) * expected
  for (const count of counts) chiSquare += (count - expected) ** 2 / expected
  const deviations = (chiSquare - (cells - 1)) / Math.sqrt(2 * (cells - 1))
  assert.ok(deviations < 5, `${deviations.toFixed(1)} standard deviations from even`)
}
