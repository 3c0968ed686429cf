import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import fc from 'fast-check'
import type { RemotePipeline } from 'spindle'
import { assertCode, rejectsCode } from '../../support/consume.ts'
import { tries } from '../../support/tries.ts'
import { inThread, places, take, takeUntil, upTo, ways } from './support.ts'

interface Record {
  readonly n: number
  readonly small: Float32Array
  readonly large: Uint8Array
  readonly part: Uint8Array
  readonly map: Map<number, Date>
}

for (const place of places) {
  describe(`a pipeline in ${place.name}, by for and by for await`, () => {
    const open: RemotePipeline<unknown>[] = []
    const run: typeof place.run = (name, options) => {
      const loader = place.run<never>(name, options)
      open.push(loader)
      return loader
    }
    after(async () => void (await Promise.all(open.map((loader) => loader.stop()))))

    it('gives its items by for and by for await, each iteration an epoch, in any order', async () => {
      const loader = run(undefined)
      const all = upTo(10).map((n) => n * 2)
      for (const way of ['for', 'for', 'for await', 'for', 'for await', 'for await'] as const)
        assert.deepEqual(await take(loader, way), all)
    })

    it('goes on after break, in either way, within the epoch; nothing is lost or doubled', async () => {
      for (const continuous of place === inThread ? [false, true] : [true]) {
        const loader = run('uneven', { args: { count: 10, continuous }, bufferSize: 3 })
        await fc.assert(
          fc.asyncProperty(
            fc.array(
              fc.record({ way: fc.constantFrom(...ways), limit: fc.integer({ min: 1, max: 13 }) }),
              {
                minLength: 1,
                maxLength: 12,
              },
            ),
            async (parts) => {
              // Each run of the property begins where an epoch does.
              const given: number[] = []
              const model: number[] = []
              let at = 0
              for (const { way, limit } of [...parts, { way: 'for', limit: 10 } as const]) {
                const part = await takeUntil(loader, way, limit)
                const left = 10 - at
                assert.equal(part.isEnd, limit > left)
                given.push(...part.given)
                model.push(...upTo(10).slice(at, at + limit))
                at = part.isEnd ? 0 : at + part.given.length
              }
              // Through the end of the epoch, if that is not where it stands.
              while (at !== 0) {
                const { isEnd } = await takeUntil(loader, 'for await', 100)
                if (isEnd) at = 0
              }
              assert.deepEqual(given, model)
            },
          ),
          { numRuns: tries(8) },
        )
      }
    })

    it('hands over buffers of their own size, and everything that can be cloned', async () => {
      for (const bytes of place === inThread ? [100, 100_000] : [100_000]) {
        const loader = run<Record>('records', { args: { count: 4, bytes } })
        for (const way of ways) {
          const records = await take(loader, way)
          assert.deepEqual(
            records.map(({ n }) => n),
            [0, 1, 2, 3],
          )
          for (const { n, small, large, part, map } of records) {
            assert.deepEqual([...small], [n, n + 0.5])
            assert.equal(large.byteLength, bytes)
            assert.ok(large.every((byte) => byte === n))
            assert.deepEqual(
              [...part],
              Array.from({ length: n }, () => n),
            )
            assert.deepEqual(
              [small.buffer.byteLength, large.buffer.byteLength, part.buffer.byteLength],
              [8, bytes, n],
            )
            assert.ok(large.buffer instanceof ArrayBuffer)
            assert.equal(map.get(n)?.getTime(), n)
          }
        }
      }
    })

    it('runs where it should', async () => {
      const [pid] = await take(run('where'), 'for')
      assert.equal(pid === process.pid, place.name === 'a thread')
    })

    it('gives no item to an iterator once a newer one has begun, and says so', async () => {
      const loader = run('counted', { args: { count: 6 } })
      const older = loader[Symbol.asyncIterator]()
      assert.equal((await older.next()).value, 0)
      const newer = loader[Symbol.iterator]()
      assert.equal(newer.next().value, 1)
      await rejectsCode(older.next(), 'ERR_ITERATOR_REPLACED', /newer iterator/)
      const newest = loader[Symbol.asyncIterator]()
      assert.equal((await newest.next()).value, 2)
      assert.throws(
        () => newer.next(),
        (error) => {
          assertCode(error, 'ERR_ITERATOR_REPLACED')
          return true
        },
      )
      assert.deepEqual(await take(loader, 'for'), [3, 4, 5])
      // One that had ended has nothing to be told.
      assert.deepEqual(await newest.return?.(), { done: true, value: undefined })
      assert.deepEqual(await newest.next(), { done: true, value: undefined })
    })
  })
}

describe('a pipeline in a thread', () => {
  const open: RemotePipeline<unknown>[] = []
  const run: typeof inThread.run = (name, options) => {
    const loader = inThread.run<never>(name, options)
    open.push(loader)
    return loader
  }
  after(async () => void (await Promise.all(open.map((loader) => loader.stop()))))

  it('begins with an async function, batches, filters and gives nothing where there is nothing', async () => {
    assert.deepEqual(await take(run('later', { args: { count: 3 } }), 'for'), [0, 1, 2])
    assert.deepEqual(await take(run('batched'), 'for await'), [[0, 1, 2], [3, 4, 5], [6]])
    assert.deepEqual(await take(run('filtered'), 'for'), [0, 2, 4, 6, 8])
    const nothing = run('empty')
    for (const way of ways) assert.deepEqual(await take(nothing, way), [])
  })

  it('keeps the state of its module from epoch to epoch', async () => {
    const loader = run('stateful')
    assert.deepEqual(await take(loader, 'for'), [0, 1, 2])
    assert.deepEqual(await take(loader, 'for await'), [3, 4, 5])
  })

  it('is built with the options given', async () => {
    const draw = async (seed: number) => take(run('random', { build: { seed } }), 'for')
    const [one, same, other] = [await draw(1), await draw(1), await draw(2)]
    assert.deepEqual(one, same)
    assert.notDeepEqual(one, other)
    const tolerant = run('failing', { build: { maxFailures: 1 } })
    assert.deepEqual(await take(tolerant, 'for'), [0, 1, 2, 3, 4, 6, 7, 8, 9])
    const report = await tolerant.report()
    assert.equal(report.failures[0]?.stage, 'check')
    assert.equal((report.failures[0]?.error as Error | undefined)?.message, 'bad item')
    assert.match(String(report), /bad item/)
  })

  it('tells its figures, also after the end', async () => {
    const loader = run('counted', { args: { count: 20 } })
    assert.equal((await loader.stats()).state, 'idle')
    await take(loader, 'for')
    const stats = await loader.stats()
    assert.equal(stats.items, 20)
    assert.ok(stats.stages.length >= 3)
    assert.equal(
      stats.stages[1]?.sums.histogram.copy().total,
      stats.stages[1]?.sums.histogram.total,
    )
    await loader.stop()
    assert.equal((await loader.stats()).items, 20)
  })

  it('rejects what an older iterator waits for', async () => {
    const loader = run('silent')
    const older = loader[Symbol.asyncIterator]()
    const waiting = [older.next(), older.next()]
    const newer = loader.iterate({ timeoutMs: 10 })
    await Promise.all([
      ...waiting.map((next) => rejectsCode(next, 'ERR_ITERATOR_REPLACED')),
      rejectsCode(newer.next(), 'ERR_TIMEOUT'),
    ])
  })

  it('answers several next() at once in order', async () => {
    const loader = run('counted', { args: { count: 3 } })
    const items = loader[Symbol.asyncIterator]()
    const results = await Promise.all(Array.from({ length: 5 }, () => items.next()))
    assert.deepEqual(
      results.map(({ value }) => value),
      [0, 1, 2, undefined, undefined],
    )
  })

  it('loses nothing to a limit of time, in either way', async () => {
    const loader = run('uneven', { args: { count: 30 }, timeoutMs: 0.01 })
    const given: number[] = []
    let timeouts = 0
    for (const way of ways) {
      const [sync, async] = [loader[Symbol.iterator](), loader[Symbol.asyncIterator]()]
      for (;;) {
        try {
          const { done, value } = way === 'for' ? sync.next() : await async.next()
          if (done === true) break
          given.push(value)
        } catch (error) {
          assertCode(error, 'ERR_TIMEOUT')
          timeouts++
        }
      }
    }
    assert.deepEqual(given, [...upTo(30), ...upTo(30)])
    assert.ok(timeouts > 0)
  })

  it('gives the same buffers again, unless they are moved', async () => {
    for (const options of [{}, { transfer: false }]) {
      await using copied = inThread.run<Uint8Array>('cached', options)
      for (const way of ways)
        assert.deepEqual(
          (await take(copied, way)).map((bytes) => bytes[49_999]),
          [0, 1, 2],
        )
    }
    await using given = inThread.run<Uint8Array>('cached', { transfer: true })
    assert.equal((await take(given, 'for')).length, 3)
    await assert.rejects(take(given, 'for await'), {
      code: 'ERR_NOT_TRANSFERABLE',
      message: /given away already/,
    })
  })

  it('runs ahead as far as bufferSize says, and not further', async () => {
    const count = async (bufferSize: number, expected: number) => {
      const counter = new SharedArrayBuffer(4)
      const cells = new Int32Array(counter)
      const loader = inThread.run('asked', { args: { count: 200, counter }, bufferSize })
      for await (const _ of loader) break
      while ((await loader.stats()).items < expected) {}
      // Whatever it would do more, it has had the turns for it.
      for (let i = 0; i < 20; i++) await loader.stats()
      const { items } = await loader.stats()
      await loader.stop()
      return { asked: cells[0] as number, items }
    }
    const one = await count(1, 2)
    assert.equal(one.items, 2)
    // Besides what is on the way: the sink's place, the source's, and one in the source's hand.
    assert.ok(one.asked <= 5, `${one.asked} asked`)
    assert.equal((await count(20, 21)).items, 21)
    assert.equal((await count(1000, 200)).asked, 200)
  })
})
