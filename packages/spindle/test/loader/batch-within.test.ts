import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { merge, PipelineBuilder } from 'spindle'
import { batchWithin, bucketByLength } from 'spindle/loader'
import { collect, throwsCode } from '../support/consume.ts'
import { range, watchedSources } from '../support/sources.ts'

/** A source that gives what it is told to, when it is told to. */
class Requests<T> {
  #waiting: ((step: IteratorResult<T>) => void) | undefined
  #queue: IteratorResult<T>[] = []
  #put(step: IteratorResult<T>): void {
    if (this.#waiting === undefined) this.#queue.push(step)
    else this.#waiting(step)
    this.#waiting = undefined
  }
  give(...items: T[]): void {
    for (const value of items) this.#put({ done: false, value })
  }
  end(): void {
    this.#put({ done: true, value: undefined })
  }
  [Symbol.asyncIterator](): AsyncIterator<T> {
    return {
      next: () => {
        const ready = this.#queue.shift()
        if (ready !== undefined) return Promise.resolve(ready)
        return new Promise((resolve) => {
          this.#waiting = resolve
        })
      },
    }
  }
}

describe('batchWithin', () => {
  it('gives what it holds when an item has waited long enough, although none follows', async () => {
    const requests = new Requests<number>()
    const batches = batchWithin(requests, 3, { maxWaitMs: 20 })
    requests.give(1, 2)
    assert.deepEqual((await batches.next()).value, [1, 2])
    requests.give(3, 4, 5, 6)
    assert.deepEqual((await batches.next()).value, [3, 4, 5])
    assert.deepEqual((await batches.next()).value, [6])
    requests.give(7)
    requests.end()
    assert.deepEqual((await batches.next()).value, [7])
    assert.equal((await batches.next()).done, true)
  })

  it('gives every bucket then, and what waited is not held up by what is full', async () => {
    const how = bucketByLength<string>({
      length: (text) => text.length,
      boundaries: [1, 3],
      batchSize: 2,
    })
    const requests = new Requests<string>()
    const batches = batchWithin(requests, how, { maxWaitMs: 20 })
    requests.give('long one', 'a', 'b', 'cc')
    assert.deepEqual((await batches.next()).value, ['a', 'b'])
    assert.deepEqual((await batches.next()).value, ['cc'])
    assert.deepEqual((await batches.next()).value, ['long one'])
  })

  it('does so while the source always has something ready', async () => {
    let didEnd = false
    async function* busy() {
      yield 'alone and long'
      while (!didEnd) yield 'x'
    }
    const how = bucketByLength<string>({
      length: (text) => text.length,
      boundaries: [1],
      batchSize: 50,
    })
    for await (const batch of batchWithin(busy(), how, { maxWaitMs: 5 }))
      if (batch.includes('alone and long')) didEnd = true
    assert.ok(didEnd)
  })

  it('loses nothing, of values that are equal too', async () => {
    const items = Array.from({ length: 200 }, (_, i) => i % 3)
    const batches = await collect(batchWithin(items, 7, { maxWaitMs: 1 }))
    assert.deepEqual(batches.flat(), items)
  })

  it('is a stage as the op of a merge', async () => {
    const source = new PipelineBuilder().addSource(range(10))
    const pipeline = merge(source, {
      op: ([items]) => batchWithin(items!, 4, { maxWaitMs: 10_000 }),
    }).build()
    assert.deepEqual(await collect(pipeline), [range(4), range(4, 4), range(2, 8)])
  })

  for (const [name, watched] of Object.entries(watchedSources)) {
    it(`closes ${name} when it is left, and not when that has ended`, async () => {
      const { source, watch } = watched(10)
      const items = typeof source === 'function' ? source() : source
      for await (const _ of batchWithin<number>(items, 2, { maxWaitMs: 1000 })) break
      assert.equal(watch.closes, 1)
      const second = watched(3)
      await collect(
        batchWithin<number>(
          typeof second.source === 'function' ? second.source() : second.source,
          2,
          {
            maxWaitMs: 1000,
          },
        ),
      )
      assert.equal(second.watch.closes, 1)
      assert.equal(second.watch.returns, 0)
    })
  }

  it('gives the source its error, and can be left while a step is pending', async () => {
    async function* bad() {
      yield 1
      throw new Error('source broke')
    }
    await assert.rejects(collect(batchWithin(bad(), 5, { maxWaitMs: 1000 })), /source broke/)
    const requests = new Requests<number>()
    requests.give(1)
    for await (const batch of batchWithin(requests, 5, { maxWaitMs: 1 })) {
      assert.deepEqual(batch, [1])
      break
    }
  })

  it('refuses wrong options when given', () => {
    throwsCode(() => batchWithin([1], 0, { maxWaitMs: 1 }), 'ERR_BAD_OPTION', /how/)
    throwsCode(() => batchWithin([1], 1, { maxWaitMs: 0 }), 'ERR_BAD_OPTION', /maxWaitMs/)
    throwsCode(() => batchWithin([1], 1, {} as never), 'ERR_BAD_OPTION', /maxWaitMs/)
  })
})
