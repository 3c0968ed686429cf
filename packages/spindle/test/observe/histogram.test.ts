import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Histogram } from 'spindle'

const durations = fc.array(fc.double({ min: 0.002, max: 1e6, noNaN: true }), {
  minLength: 1,
  maxLength: 300,
})

function of(values: readonly number[]): Histogram {
  const histogram = new Histogram()
  for (const value of values) histogram.add(value, 1)
  return histogram
}

describe('a histogram', () => {
  it('gives percentiles within 5 % of the true ones', () => {
    fc.assert(
      fc.property(durations, fc.double({ min: 0, max: 1, noNaN: true }), (values, p) => {
        const sorted = values.toSorted((a, b) => a - b)
        const exact = sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)] as number
        const told = of(values).percentile(p)
        assert.ok(Math.abs(told / exact - 1) < 0.05, `${told} for ${exact}`)
      }),
    )
  })

  it('counts a value by its weight', () => {
    const histogram = new Histogram()
    histogram.add(1, 99)
    histogram.add(100, 1)
    assert.ok(histogram.percentile(0.9) < 1.1)
    assert.ok(histogram.percentile(0.999) > 90)
    assert.equal(histogram.total, 100)
  })

  it('is, of two parts merged, that of the whole; and less one part, the other', () => {
    fc.assert(
      fc.property(durations, durations, (one, other) => {
        const merged = of(one)
        merged.merge(of(other))
        assert.deepEqual(merged.toJSON(), of([...one, ...other]).toJSON())
        merged.merge(of(other), -1)
        assert.deepEqual(merged.toJSON(), of(one).toJSON())
      }),
    )
  })

  it('survives JSON', () => {
    fc.assert(
      fc.property(durations, (values) => {
        const histogram = of(values)
        const back = Histogram.from(JSON.parse(JSON.stringify(histogram)))
        assert.deepEqual(back.toJSON(), histogram.toJSON())
      }),
    )
  })

  it('gives 0 of nothing, and takes what is no duration as the shortest', () => {
    assert.equal(new Histogram().percentile(0.5), 0)
    const odd = of([0, -1, Number.NaN])
    assert.ok(odd.percentile(1) <= 0.001)
  })
})
