import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CacheDataLoader, DataLoader } from 'spindle/loader'
import { collect, rejectsCode, throwsCode } from '../support/consume.ts'
import { range, watchedGenerator } from '../support/sources.ts'

describe('CacheDataLoader', () => {
  it('gives some real batches, then the last of them over and over, as many as asked for', async () => {
    const loader = new DataLoader(range(10), { outputOrder: 'input' })
    const cached = new CacheDataLoader(loader, { numCaches: 2, returnCachesAfter: 3, stopAfter: 8 })
    assert.deepEqual(await collect(cached), [0, 1, 2, 1, 2, 1, 2, 1])
    assert.deepEqual(await collect(cached), [0, 1, 2, 1, 2, 1, 2, 1])
  })

  it('has the length, the progress, the figures and the report of its loader', async () => {
    const loader = new DataLoader(range(10), { batchSize: 2 })
    const cached = new CacheDataLoader(loader, { numCaches: 1, returnCachesAfter: 2, stopAfter: 4 })
    assert.equal(cached.length, 5)
    await collect(cached)
    assert.equal(cached.progress?.batches, 2)
    assert.equal((await cached.stats()).pipeline, (await loader.stats()).pipeline)
    assert.ok(String(await cached.report()).length > 0)
    await rejectsCode(
      new CacheDataLoader({ async *[Symbol.asyncIterator]() {} }).stats(),
      'ERR_BAD_STATE',
    )
  })

  it("ends the loader's epoch when kept batches take over, unless told to keep it", async () => {
    for (const deleteLoader of [true, false]) {
      const { source, watch } = watchedGenerator(1000)
      const loader = new DataLoader(source)
      const cached = new CacheDataLoader(loader, {
        numCaches: 1,
        returnCachesAfter: 2,
        stopAfter: 6,
        deleteLoader,
      })
      let seen = 0
      for await (const _ of cached) {
        seen++
        if (seen === 5) assert.equal(watch.closes, deleteLoader ? 1 : 0)
      }
      assert.equal(seen, 6)
      assert.equal(watch.closes, 1)
    }
  })

  it('ends early where the loader does, and is not left hanging by an empty one', async () => {
    const short = new CacheDataLoader(new DataLoader([1, 2]), {
      numCaches: 1,
      returnCachesAfter: 5,
      stopAfter: 9,
    })
    assert.deepEqual(await collect(short), [1, 2])
    assert.deepEqual(await collect(new CacheDataLoader(new DataLoader([]), { stopAfter: 3 })), [])
  })

  it('refuses wrong options when given', () => {
    const loader = new DataLoader([1])
    const bad = (options: object, pattern: RegExp) =>
      throwsCode(() => new CacheDataLoader(loader, options), 'ERR_BAD_OPTION', pattern)
    bad({ numCaches: 0 }, /numCaches/)
    bad({ numCaches: 3, returnCachesAfter: 2 }, /returnCachesAfter/)
    bad({ stopAfter: 0 }, /stopAfter/)
    bad({ deleteLoaders: true }, /deleteLoaders/)
  })
})
