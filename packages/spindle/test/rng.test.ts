import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Rng } from 'spindle'
import { range } from './support/sources.ts'

/**
 * sfc32 once more, on big integers, from the description of the algorithm: three words of state and
 * a counter.
 */
function* sfc32(a: bigint, b: bigint, c: bigint): Generator<number> {
  const word = (value: bigint) => BigInt.asUintN(32, value)
  let counter = 1n
  for (let drawn = 0; ; drawn++) {
    const result = word(a + b + counter)
    counter = word(counter + 1n)
    a = b ^ (b >> 9n)
    b = word(c + (c << 3n))
    c = word(((c << 21n) | (c >> 11n)) + result)
    if (drawn >= 12) yield Number(result)
  }
}

describe('Rng', () => {
  it('gives the numbers of sfc32', () => {
    const words = fc.integer({ min: 0, max: 0xffffffff })
    fc.assert(
      fc.property(words, words, words, (a, b, c) => {
        const rng = new Rng(a, b, c)
        const expected = sfc32(BigInt(a), BigInt(b), BigInt(c))
        for (let drawn = 0; drawn < 50; drawn++) assert.equal(rng.uint32(), expected.next().value)
      }),
    )
  })

  it('gives the same numbers for the same key, and others for another', () => {
    const first = (...key: number[]) => {
      const rng = Rng.from(...key)
      return [rng.uint32(), rng.uint32()].join()
    }
    assert.equal(first(1, 2, 3), first(1, 2, 3))
    const keys = [
      [],
      [0],
      [0, 0],
      [1],
      [0, 1],
      [1, 0],
      [-1],
      [2 ** 32],
      [2 ** 40 + 1],
      [1, 2, 3],
      [3, 2, 1],
    ]
    assert.equal(new Set(keys.map((key) => first(...key))).size, keys.length)
  })

  it('draws numbers from 0 up to 1, and integers below a limit, all of them alike', () => {
    const rng = Rng.from(5)
    for (let drawn = 0; drawn < 1000; drawn++) {
      const value = rng.next()
      assert.ok(value >= 0 && value < 1)
    }
    const counts = new Array<number>(6).fill(0)
    for (let drawn = 0; drawn < 6000; drawn++) counts[rng.int(6)]!++
    for (const count of counts) assert.ok(count > 850 && count < 1150, `${counts}`)
    for (const limit of [0, -1, 1.5, Number.NaN]) assert.throws(() => rng.int(limit), RangeError)
    assert.equal(rng.int(1), 0)
    assert.ok(rng.int(2 ** 53) < 2 ** 53)
  })

  it('draws from the normal distribution', () => {
    const rng = Rng.from(6)
    const drawn = range(20_000).map(() => rng.normal(10, 2))
    const mean = drawn.reduce((sum, value) => sum + value, 0) / drawn.length
    const deviation = Math.sqrt(
      drawn.reduce((sum, value) => sum + (value - mean) ** 2, 0) / drawn.length,
    )
    assert.ok(Math.abs(mean - 10) < 0.06, `mean ${mean}`)
    assert.ok(Math.abs(deviation - 2) < 0.06, `deviation ${deviation}`)
  })

  it('shuffles: a permutation, in place, each as likely as the others', () => {
    const rng = Rng.from(7)
    const orders = new Map<string, number>()
    for (let drawn = 0; drawn < 6000; drawn++) {
      const items = [0, 1, 2]
      assert.equal(rng.shuffle(items), items)
      orders.set(items.join(''), (orders.get(items.join('')) ?? 0) + 1)
    }
    assert.deepEqual([...orders.keys()].sort(), ['012', '021', '102', '120', '201', '210'])
    for (const count of orders.values()) assert.ok(count > 850 && count < 1150)
    assert.ok(['a', 'b'].includes(rng.pick(['a', 'b'])))
  })
})
