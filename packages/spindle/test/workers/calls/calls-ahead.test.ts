import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { LoopSilence } from '../../../src/loop-silence.ts'
import { callsAhead } from '../../../src/workers/calls/calls-ahead.ts'

describe('calls held ahead in a worker', () => {
  it('bridge a turn of the loop with short calls, and none with long or unknown ones', () => {
    assert.equal(callsAhead(undefined, 0, 0), 0)
    assert.equal(callsAhead(0.5, 0, 0), 4)
    assert.equal(callsAhead(1.5, 0, 0), 2)
    assert.equal(callsAhead(5, 0, 0), 0)
    assert.equal(callsAhead(undefined, 0, 40), 0)
  })

  it('bridge the silence of a blocked loop', () => {
    assert.equal(callsAhead(1, 0, 20), 20)
    assert.equal(callsAhead(10, 0, 20), 2)
    assert.equal(callsAhead(40, 0, 20), 1)
  })

  it('leave calls that are long beside the silence to the first free worker', () => {
    assert.equal(callsAhead(100, 0, 20), 0)
  })

  it('keep to a bound in bytes beyond the usual few', () => {
    const pool = 2 ** 25
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 500, noNaN: true }),
        fc.integer({ min: 0, max: 2 ** 26 }),
        fc.double({ min: 0, max: 50, noNaN: true }),
        (ms, bytes, silenceMs) => {
          const calls = callsAhead(ms, bytes, silenceMs)
          assert.ok(calls >= callsAhead(ms, bytes, 0))
          assert.ok(calls <= callsAhead(ms, bytes, 0) || calls * bytes <= pool)
          assert.ok((calls - 1) * ms <= Math.max(2, silenceMs))
        },
      ),
    )
  })
})

describe('the silence of a loop', () => {
  it('is unknown to a loop that answers fast', () => {
    const silence = new LoopSilence()
    for (let at = 0; at < 100; at++) silence.note(at % 5, at)
    assert.equal(
      silence.ms(() => 100),
      0,
    )
  })

  it('approaches repeated silences, and is not lowered by fast answers between them', () => {
    const silence = new LoopSilence()
    for (let at = 0; at < 200; at += 25) {
      silence.note(20, at)
      for (let i = 1; i < 20; i++) silence.note(0.1, at + i / 4)
    }
    const ms = silence.ms(() => 200)
    assert.ok(ms > 18 && ms <= 20, `${ms}`)
  })

  it('forgets a single pause, and never expects more than 50 ms', () => {
    const silence = new LoopSilence()
    silence.note(5000, 0)
    assert.equal(
      silence.ms(() => 0),
      25,
    )
    assert.equal(
      silence.ms(() => 2000),
      0,
    )
    for (let i = 0; i < 20; i++) silence.note(5000, 3000)
    assert.ok(silence.ms(() => 3000) <= 50)
  })
})
