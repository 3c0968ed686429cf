import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Batcher, type Waiting } from '../../src/stage/batcher.ts'
import { planThreads } from '../../src/stage/thread-plan.ts'

interface Entry extends Waiting {
  readonly id: number
}

describe('Batcher', () => {
  it('runs each item once, in batches of one bucket within the bounds', async () => {
    const cases = fc.record({
      max: fc.integer({ min: 1, max: 5 }),
      sessions: fc.integer({ min: 1, max: 3 }),
      buckets: fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 40 }),
      runsAhead: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(cases, async ({ max, sessions, buckets, runsAhead }) => {
        const batches: (readonly Entry[])[] = []
        const open: (() => void)[] = []
        const batcher = new Batcher<Entry>({ max, waitMs: 0 }, sessions, (batch) => {
          batches.push(batch)
          const most = runsAhead ? 2 * sessions : sessions
          return new Promise((resolve) => {
            open.push(resolve)
            assert.ok(open.length <= most)
          })
        })
        batcher.runsAhead = runsAhead
        buckets.forEach((bucket, id) => {
          batcher.add({ id, bucket: String(bucket), since: performance.now() - 1 })
        })
        for (let turn = 0; batcher.load.waiting + batcher.load.running > 0; turn++) {
          assert.ok(turn < 1000)
          await Promise.resolve()
          open.shift()?.()
        }
        const ids = batches.flat().map(({ id }) => id)
        assert.deepEqual(
          ids.toSorted((a, b) => a - b),
          buckets.map((_, id) => id),
        )
        for (const batch of batches) {
          assert.ok(batch.length <= max)
          assert.equal(new Set(batch.map(({ bucket }) => bucket)).size, 1)
          assert.deepEqual(
            batch.map(({ id }) => id),
            batch.map(({ id }) => id).toSorted((a, b) => a - b),
          )
        }
      }),
      { numRuns: 60 },
    )
  })

  it('does not wait when all items that can come are here', async () => {
    const batches: number[] = []
    const batcher = new Batcher<Entry>({ max: 8, waitMs: 60_000 }, 1, async (batch) => {
      batches.push(batch.length)
    })
    batcher.expect(3)
    for (let id = 0; id < 3; id++) batcher.add({ id, bucket: '', since: performance.now() })
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(batches, [3])
    batcher.clear()
  })
})

describe('planThreads', () => {
  it('uses each core once, and leaves some to decoding', () => {
    const plans = [1, 2, 4, 8, 16, 64].map((cores) => planThreads(undefined, undefined, cores))
    assert.deepEqual(
      plans.map(({ count, threads }) => [count, threads]),
      [
        [1, 1],
        [1, 1],
        [1, 3],
        [1, 6],
        [3, 4],
        [12, 4],
      ],
    )
    assert.deepEqual(planThreads(2, undefined, 8), { count: 2, threads: 3 })
    assert.deepEqual(planThreads(undefined, 2, 8), { count: 3, threads: 2 })
    assert.deepEqual(planThreads(5, 7, 2), { count: 5, threads: 7 })
  })
})
