import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { trendOf } from '../../src/engine/report/verdict/inner-rule.ts'
import { Levels } from '../../src/engine/stats/levels.ts'
import type { StageStats } from '../../src/engine/stats/pipeline-stats.ts'
import { Rng } from '../../src/random.ts'

const RUNS = 500
/** Throughput that grows less than so with the calls under way does not grow, for the verdict. */
const FLAT = 0.4

/**
 * In how many runs calls look as if they wait for each other. `timeOf`: what a call takes that
 * begins as the `running`-th.
 */
function flatRuns(concurrency: number, timeOf: (running: number, rng: Rng) => number): number {
  let flat = 0
  for (let run = 0; run < RUNS; run++) {
    const rng = Rng.from(7, concurrency, run)
    const levels = new Levels()
    for (let running = 1; running <= concurrency; running++)
      levels.add(running, timeOf(running, rng))
    for (let i = 0; i < 200; i++) levels.add(concurrency, timeOf(concurrency, rng))
    const trend = trendOf({ sums: { levels: levels.read() } } as unknown as StageStats)
    if (trend !== undefined && trend.growthAtMost <= FLAT) flat++
  }
  return flat
}

const exponential = (rng: Rng): number => -10 * Math.log(1 - rng.next())

describe('whether calls wait for each other, by what they take', () => {
  for (const concurrency of [4, 8, 16, 64]) {
    it(`is not said of ${concurrency} calls that only differ much`, () => {
      const flat = flatRuns(concurrency, (_, rng) => exponential(rng))
      assert.ok(flat <= RUNS / 50, `${flat} of ${RUNS}`)
    })
  }

  for (const concurrency of [8, 16, 64]) {
    it(`is said of ${concurrency} calls of which four work at a time`, () => {
      const flat = flatRuns(
        concurrency,
        (running, rng) => 10 * Math.ceil(running / 4) * (1 + 0.1 * (rng.next() - 0.5)),
      )
      assert.equal(flat, RUNS)
    })
  }

  it('is not said of four calls of which four work at a time: nothing shows it', () => {
    assert.equal(
      flatRuns(4, (running) => 10 * Math.ceil(running / 4)),
      0,
    )
  })
})
