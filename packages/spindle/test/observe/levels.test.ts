import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PipelineBuilder } from 'spindle'
import { Levels } from '../../src/engine/stats/levels.ts'
import { deferred } from '../support/gates.ts'
import { range } from '../support/sources.ts'

describe('times of calls by how many are under way', () => {
  it('are kept for each number up to 8, and for four parts of each doubling above', () => {
    const levels = new Levels()
    for (let running = 1; running <= 64; running++) levels.add(running, running)
    const read = levels.read()
    assert.equal(read.length, 8 + 12)
    assert.deepEqual(
      read.slice(0, 8).map(({ calls, running, ms, squares }) => [calls, running, ms, squares]),
      range(8).map((i) => [1, i + 1, i + 1, (i + 1) ** 2]),
    )
    assert.equal(
      read.reduce((sum, { total }) => sum + total, 0),
      64,
    )
  })

  it('are those of the first 64 calls, with all counted', () => {
    const levels = new Levels()
    for (let i = 0; i < 100; i++) levels.add(4, i < 64 ? 10 : 1000)
    assert.deepEqual(levels.read(), [
      { total: 100, calls: 64, running: 256, ms: 640, squares: 6400 },
    ])
  })

  it('have room for any number of calls', () => {
    const levels = new Levels()
    for (const running of [2_000, 20_000, 1e6, 1e9]) levels.add(running, 1)
    assert.equal(
      levels.read().reduce((sum, { total }) => sum + total, 0),
      4,
    )
  })

  for (const retries of [0, 1])
    it(`of a stage ${retries === 0 ? '' : 'with retries '}begin with its first calls`, async () => {
      const gate = deferred<void>()
      let begun = 0
      const pipeline = new PipelineBuilder()
        .addSource(range(6))
        .pipe(
          async (value) => {
            if (++begun === 6) gate.resolve()
            await gate.promise
            return value
          },
          { name: 'op', concurrency: 6, retry: retries },
        )
        .build()
      await pipeline.forEach(() => {})
      const levels = pipeline.stats().stages[1]?.sums.levels ?? []
      assert.deepEqual(
        levels.map(({ running, total }) => [running, total]),
        range(6).map((i) => [i + 1, 1]),
      )
    })
})
