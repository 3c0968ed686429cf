import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { cacheIterator, PipelineBuilder, SpindleError } from 'spindle'
import { range } from '../support/sources.ts'

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

describe('cacheIterator', () => {
  it('gives real items, then the last of them over and over', async () => {
    const cached = cacheIterator(range(100), { numCaches: 3, returnCachesAfter: 5, stopAfter: 12 })
    assert.deepEqual(await all(cached), [0, 1, 2, 3, 4, 2, 3, 4, 2, 3, 4, 2])
  })

  it('ends where the source ends, if that is sooner', async () => {
    assert.deepEqual(
      await all(cacheIterator([1, 2], { numCaches: 1, returnCachesAfter: 5 })),
      [1, 2],
    )
  })

  it('may stop before anything is given twice', async () => {
    const cached = cacheIterator(range(100), { numCaches: 2, returnCachesAfter: 50, stopAfter: 4 })
    assert.deepEqual(await all(cached), [0, 1, 2, 3])
  })

  it('closes the source once it is not needed any more', async () => {
    let closed = 0
    function* source() {
      try {
        yield* range(100)
      } finally {
        closed++
      }
    }
    const cached = cacheIterator(source(), { numCaches: 1, returnCachesAfter: 2 })
    for (let i = 0; i < 3; i++) await cached.next()
    assert.equal(closed, 1)
    await cached.return()
  })

  it('takes a pipeline', async () => {
    const pipeline = new PipelineBuilder().addSource(range(50)).build()
    const cached = cacheIterator(pipeline, { numCaches: 1, returnCachesAfter: 2, stopAfter: 4 })
    assert.deepEqual(await all(cached), [0, 1, 1, 1])
    await pipeline.stop()
  })

  it('refuses wrong options', () => {
    for (const options of [
      { numCaches: 0 },
      { numCaches: 5, returnCachesAfter: 4 },
      { stopAfter: 0 },
    ]) {
      assert.throws(
        () => cacheIterator([], options),
        (error) => error instanceof SpindleError && error.code === 'ERR_BAD_OPTION',
      )
    }
  })
})
