import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { World } from './world.ts'

/** Calls of 100 ms that do not disturb each other. */
const linear = (concurrency: number) => concurrency * 10
/** A lock that four may have at a time. */
const fourAtATime = (concurrency: number) => Math.min(4, concurrency) * 10
/** Contention: best at 3, and ever worse above. */
const contended = (concurrency: number) =>
  concurrency <= 3 ? concurrency * 100 : 300 * (3 / concurrency) ** 1.2

describe('a tuner', () => {
  it('raises concurrency until the consumer has what it takes, and gives back what is not used', () => {
    for (const start of [1, 8, 64, 200]) {
      const world = new World({ perSec: linear, consumerPerSec: 200, start }).run(30_000)
      assert.ok(world.perSec >= 190, `from ${start}: ${world.perSec}`)
      assert.ok(world.value >= 19 && world.value <= 30, `from ${start}: ${world.value}`)
    }
  })

  it('lowers what is too much: where more calls only wait for each other, and where they disturb each other', () => {
    for (const start of [1, 8, 64]) {
      const locked = new World({ perSec: fourAtATime, start }).run(40_000)
      assert.ok(locked.value >= 4 && locked.value <= 6, `from ${start}: ${locked.value}`)
      const slow = new World({ perSec: contended, start }).run(40_000).kept
      assert.ok(slow.perSec >= 285, `from ${start}: ${slow.value} gives ${slow.perSec}`)
    }
  })

  it('finds what is too much where calls begin and end together, and seldom', () => {
    // 64 calls end together, after 8.4 s.
    for (const start of [8, 64]) {
      const world = new World({ perSec: contended, start, isInStep: true }).run(50_000).kept
      assert.ok(world.perSec >= 285, `from ${start}: ${world.value} gives ${world.perSec}`)
    }
  })

  it('takes no silence between two bursts for a loss', () => {
    // Calls of a second that do not disturb each other: fewer are worse, and that is seen too.
    const perSec = (concurrency: number) => concurrency
    const world = new World({ perSec, start: 64, max: 64, isInStep: true }).run(50_000)
    assert.equal(world.value, 64)
  })

  it('rolls back what brings nothing, and waits longer each time before it tries that again', () => {
    const { moves } = new World({ perSec: fourAtATime, start: 4 }).run(300_000)
    const refused = moves.filter(({ outcome, to, from }) => outcome === 'rolled back' && to > from)
    assert.ok(refused.length >= 3)
    assert.equal(
      moves.filter(({ outcome, to, from }) => outcome === 'accepted' && to > from).length,
      0,
    )
    const gaps = refused.slice(1).map((move, i) => move.atMs - (refused[i]?.atMs ?? 0))
    assert.ok((gaps.at(-1) ?? 0) > 2 * (gaps[1] ?? 0), `${gaps}`)
  })

  it('goes below a number at which errors come, at once, and stays there', () => {
    const troubles = (concurrency: number) => (concurrency > 20 ? 0.5 : 0)
    const perSec = (concurrency: number) => Math.min(20, concurrency) * 10
    const world = new World({ perSec, troubles, start: 64 }).run(40_000)
    assert.ok(world.value <= 20 && world.value >= 15, `${world.value}`)
    assert.equal(world.moves[0]?.reason, 'errors')
  })

  it('keeps to the memory it is given', () => {
    const world = new World({ perSec: linear, itemBytes: 10, memoryBytes: 205, start: 64 }).run(
      30_000,
    )
    assert.ok(world.value <= 20 && world.value >= 18, `${world.value}`)
    assert.equal(world.moves[0]?.reason, 'memory')
    assert.ok(world.concurrencies.slice(10).every((value) => value * 10 <= 205))
  })

  it('begins anew when the pipeline has become another one', () => {
    const perSec = (concurrency: number, atMs: number) => concurrency * (atMs < 30_000 ? 10 : 2.5)
    const world = new World({ perSec, consumerPerSec: 100, start: 8 }).run(30_000)
    assert.ok(world.value <= 14)
    world.run(60_000)
    assert.ok(world.perSec >= 95, `${world.value} gives ${world.perSec}`)
  })

  it('ends when nothing is left to try, if it is to tune once', () => {
    const world = new World({ perSec: linear, consumerPerSec: 50, start: 1, mode: 'once' }).run(
      600_000,
    )
    assert.ok(world.tuner.isDone)
    assert.ok(world.atMs < 60_000)
    assert.ok(world.perSec >= 47)
  })

  it('does the same whenever it sees the same', () => {
    const run = () => new World({ perSec: contended, start: 8 }).run(60_000).moves
    assert.deepEqual(run(), run())
  })

  it('never leaves its range, and what it says is what is set', () => {
    const bounds = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 60 }))
    const knees = fc.integer({ min: 1, max: 80 })
    fc.assert(
      fc.property(bounds, knees, fc.nat(100), ([min, more], knee, at) => {
        const max = min + more
        const start = min + (at % (more + 1))
        const perSec = (concurrency: number) => Math.min(knee, concurrency) * 7
        const world = new World({ perSec, start, min, max }).run(20_000)
        assert.ok(world.concurrencies.every((value) => value >= min && value <= max))
        let value = start
        for (const move of world.moves.filter(({ option }) => option === 'concurrency')) {
          assert.equal(move.from, value)
          if (move.outcome !== 'rolled back') value = move.to
        }
        assert.equal(value, world.value)
      }),
      { numRuns: 50 },
    )
  })

  it('climbs beside others that use the cores and let go of them in turns, for calls that only wait', () => {
    for (const turnMs of [300, 500, 800, 1300]) {
      const othersCores = (atMs: number) => (Math.floor(atMs / turnMs) % 2 === 0 ? 2 : 0)
      const world = new World({ perSec: linear, consumerPerSec: 1000, start: 8, othersCores }).run(
        30_000,
      )
      assert.ok(world.perSec >= 900, `${world.value}`)
      const wrong = world.moves.filter(
        ({ from, to, outcome }) => outcome !== 'accepted' && from < to && to < 100,
      )
      assert.deepEqual(wrong, [])
    }
  })

  it('gives each move with its numbers', () => {
    const [move] = new World({ perSec: linear, consumerPerSec: 200, start: 1 }).run(10_000).moves
    assert.ok(move !== undefined)
    assert.equal(move.stage, 'stage')
    assert.equal(move.outcome, 'accepted')
    const { itemsPerSec = 0, itemsPerSecBefore = 0, measuredMs = 0 } = move.evidence
    assert.ok(itemsPerSec > 1.5 * itemsPerSecBefore && measuredMs > 0)
  })
})
