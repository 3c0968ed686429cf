import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ProcessPool, ThreadPool } from 'spindle'
import { turns, until } from '../../support/gates.ts'
import { range } from '../../support/sources.ts'
import { tries } from '../../support/tries.ts'
import { call } from './support.ts'

for (const Pool of [ThreadPool, ProcessPool]) {
  describe(`a ${Pool.name} whose size is changed`, () => {
    it('loses no call and makes none twice, whenever workers start and end', async () => {
      await using pool = new Pool({ size: { min: 1, max: 3 } })
      const sizes = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 3, maxLength: 8 })
      await fc.assert(
        fc.asyncProperty(sizes, async (list) => {
          const results: Promise<unknown>[] = []
          for (const size of list) {
            for (const n of range(20)) results.push(pool.run(n, call('double')))
            pool.resize(size)
            await turns(2)
          }
          const expected = list.flatMap(() => [...range(20)].map((n) => n * 2))
          assert.deepEqual(await Promise.all(results), expected)
        }),
        { numRuns: tries(8) },
      )
      const { deaths, waiting } = pool.stats()
      assert.deepEqual({ deaths, waiting }, { deaths: 0, waiting: 0 })
    })

    it('ends workers when it is lowered, after the calls they have, and starts others when it is raised', async () => {
      await using pool = new Pool({ size: { min: 1, max: 3 } })
      const calls = (count: number) =>
        [...range(count)].map(() => pool.run({ n: 1, waitMs: 20 }, call('later')))
      await Promise.all(calls(9))
      assert.equal(pool.sizing.size, 3)
      const late = calls(9)
      pool.resize(1)
      assert.deepEqual(await Promise.all(late), new Array(9).fill(1))
      await until(() => pool.workerCount === 1)
      pool.resize(2)
      await Promise.all(calls(20))
      assert.equal(pool.workerCount, 2)
      assert.equal(pool.stats().deaths, 0)
    })

    it('refuses a size outside its range, and a range that is none', async () => {
      await using pool = new Pool({ size: 2 })
      assert.throws(() => pool.resize(3), {
        code: 'ERR_BAD_OPTION',
        message: /`size` must be an integer from 1 to 2.*got 3/,
      })
      assert.throws(() => pool.resize(0), { code: 'ERR_BAD_OPTION' })
      assert.throws(() => new Pool({ size: { min: 3, max: 2 } }), {
        code: 'ERR_BAD_OPTION',
        message: /`size.max` must be an integer >= `min`, which is 3, got 2/,
      })
    })
  })
}
