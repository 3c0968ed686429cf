import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { areBursts, longestSilence, rateOfBursts } from '../../src/tune/bursts.ts'
import { TrialDebt } from '../../src/tune/debt.ts'
import type { Figures, UnitFigures } from '../../src/tune/figures.ts'
import { SlotRates } from '../../src/tune/slot-rates.ts'

const unit = (slots: number, rate: number, meanMs = slots / rate, busy = slots): UnitFigures =>
  ({ slots, busy, queued: 0, blocked: 0, rate, meanMs }) as UnitFigures
const at = (atMs: number, error = 0) => ({ atMs, error, elapsedMs: 10_000 }) as Figures

describe('what a tuner knows of slots', () => {
  it('excludes numbers that are too few: a slot is not faster with more beside it', () => {
    const rates = new SlotRates()
    assert.equal(rates.least(unit(20, 0.1), 0), 1)
    rates.note(unit(8, 0.04), at(0))
    // 8 slots gave 0.005 calls/ms each, so 0.97 of 0.1 calls/ms needs 20.
    assert.equal(rates.least(unit(20, 0.1), 1000), 20)
    assert.equal(rates.least(unit(24, 0.1), 1000), 20)
    assert.equal(rates.least(unit(20, 0.05), 1000), 10)
  })

  it('knows nothing from slots that were idle, from vague rates, and from long ago', () => {
    const rates = new SlotRates()
    rates.note(unit(8, 0.04, 100, 4), at(0))
    rates.note(unit(8, 0.04), at(0, 0.5))
    assert.equal(rates.least(unit(20, 0.1), 1000), 1)
    rates.note(unit(8, 0.04), at(0))
    assert.equal(rates.least(unit(20, 0.1), 400_000), 1)
    rates.note(unit(8, 0.04), at(400_000))
    rates.forget()
    assert.equal(rates.least(unit(20, 0.1), 400_000), 1)
  })

  it('excludes all lower numbers if calls are as quick with many more slots', () => {
    const rates = new SlotRates()
    rates.note(unit(64, 0.32, 200), at(0))
    assert.equal(rates.least(unit(20, 0.1, 200), 1000), 20)
    assert.equal(rates.least(unit(20, 0.1, 100), 1000), 1)
  })
})

describe('what trials may cost', () => {
  it('is paid off before the next trial that may lose', () => {
    const debt = new TrialDebt()
    assert.ok(debt.isPaid(0))
    debt.add(1000, 0.5, 1000)
    assert.ok(!debt.isPaid(1000))
    assert.ok(debt.isPaid(9000))
  })

  it('never blocks for long, and a gain costs nothing', () => {
    const debt = new TrialDebt()
    debt.add(8000, -0.5, 8000)
    assert.ok(debt.isPaid(8000))
    debt.add(60_000, 1, 68_000)
    assert.ok(!debt.isPaid(70_000))
    assert.ok(debt.isPaid(79_000))
  })
})

describe('the rate of items that arrive in bursts', () => {
  const ticks = (...items: number[]) => items.map((one) => ({ ms: 100, coreMs: 200, items: one }))

  it('is taken from the end of one burst to the end of another', () => {
    const some = ticks(0, 0, 0, 30, 2, 0, 0, 0, 32, 0)
    assert.ok(areBursts(some))
    // After items: 32 in 500 ms, and 32 in 400 ms. Otherwise the first period is not known.
    assert.equal(rateOfBursts(some, 'ms', true)?.rate, 64 / 900)
    assert.equal(rateOfBursts(some, 'coreMs', true)?.rate, 64 / 1800)
    assert.equal(rateOfBursts(some, 'ms', false)?.rate, 32 / 400)
    assert.equal(longestSilence(some), 300)
  })

  it('is not known before such a period has ended', () => {
    assert.equal(rateOfBursts(ticks(0, 0, 32), 'ms', true), undefined)
    assert.equal(rateOfBursts(ticks(32, 0, 0), 'ms', false), undefined)
  })

  it('is more precise with more periods that agree', () => {
    const error = (...items: number[]) => rateOfBursts(ticks(...items), 'ms', true)?.error ?? 1
    const one = error(0, 32, 0)
    assert.ok(error(0, 32, 0, 32, 0, 32, 0) < one)
    assert.ok(error(0, 32, 0, 8, 0, 60, 0) > one)
  })

  it('is not computed for items that arrive evenly, or one at a time', () => {
    assert.ok(!areBursts(ticks(6, 5, 7, 6, 0, 6)))
    assert.ok(!areBursts(ticks(0, 1, 0, 0, 1, 0)))
  })
})
