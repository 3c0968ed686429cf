import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PipelineBuilder, ThreadPool, workerModule } from 'spindle'
import { collect } from '../../support/consume.ts'
import { range } from '../../support/sources.ts'
import { call, ops } from './support.ts'

describe('ThreadPool', () => {
  it('starts threads as there is work for them, at most size', async () => {
    await using pool = new ThreadPool({ size: 2 })
    assert.equal(pool.threadCount, 0)
    await pool.run(1, call('double'))
    assert.equal(pool.threadCount, 1)
    const threads = await Promise.all(Array.from({ length: 8 }, () => pool.run(20, call('burn'))))
    assert.equal(threads.length, 8)
    assert.equal(pool.threadCount, 2)
  })

  it('spreads long calls over its threads', async () => {
    await using pool = new ThreadPool({ size: 2 })
    await Promise.all([pool.run(50, call('burn')), pool.run(50, call('burn'))])
    const pipeline = new PipelineBuilder()
      .addSource(range(8))
      .pipe(ops.thread, { executor: pool, concurrency: 2 })
      .build()
    assert.equal(new Set(await collect(pipeline)).size <= 2, true)
  })

  it('answers in the order of the calls, whatever the number', async () => {
    await using pool = new ThreadPool({ size: 2 })
    const given = await Promise.all([...range(1000)].map((n) => pool.run(n, call('double'))))
    assert.deepEqual(
      given,
      [...range(1000)].map((n) => n * 2),
    )
  })

  it('sets each module up once in a thread', async () => {
    const set = workerModule<{ setUps(n: number): number }>(ops.double.href, { init: 'setUp' })
    await using pool = new ThreadPool({ size: 1 })
    const pipeline = new PipelineBuilder()
      .addSource(range(20))
      .pipe(set.setUps, { executor: pool, concurrency: 5 })
      .build()
    assert.deepEqual(new Set(await collect(pipeline)), new Set([1]))
  })

  it('sets each thread up before it is used', async () => {
    await using pool = new ThreadPool({ size: 1, init: ops.setUp as never })
    assert.equal(await pool.run(0, call('setUps')), 1)
  })

  it('rejects with ERR_WORKER_START when no thread can be started, and tries anew with the next call', async () => {
    await using pool = new ThreadPool({ size: 2, init: ops.failToSetUp as never })
    for (let i = 0; i < 2; i++) {
      const results = await Promise.allSettled(
        [...range(5)].map((n) => pool.run(n, call('double'))),
      )
      for (const result of results) {
        assert.equal(result.status, 'rejected')
        assert.equal((result.reason as { code: string }).code, 'ERR_WORKER_START')
        assert.match((result.reason as Error).message, /no licence/)
      }
    }
  })

  it('replaces a thread after so many items, and loses none', async () => {
    await using pool = new ThreadPool({ size: 1, recycle: { afterItems: 5 } })
    const threads = (await Promise.all(
      [...range(23)].map((n) => pool.run(n, call('thread'))),
    )) as number[]
    const counts = new Map<number, number>()
    for (const thread of threads) counts.set(thread, (counts.get(thread) ?? 0) + 1)
    assert.deepEqual([...counts.values()], [5, 5, 5, 5, 3])
  })

  it('rejects with the reason of an aborted signal, untouched', async () => {
    await using pool = new ThreadPool({ size: 1 })
    const reason = { any: 'thing' }
    await assert.rejects(
      pool.run(1, call('double', AbortSignal.abort(reason))),
      (error) => error === reason,
    )
    const controller = new AbortController()
    const running = pool.run(1, call('spin', controller.signal))
    const waiting = pool.run(1, call('double', controller.signal))
    controller.abort(reason)
    await assert.rejects(running, (error) => error === reason)
    await assert.rejects(waiting, (error) => error === reason)
  })

  it('keeps the thread of an aborted call that ends by itself', async () => {
    await using pool = new ThreadPool({ size: 1 })
    const before = await pool.run(0, call('thread'))
    const controller = new AbortController()
    let hasStarted: () => void = () => {}
    const started = new Promise<void>((resolve) => {
      hasStarted = resolve
    })
    const running = pool.run(0, { ...call('spin', controller.signal), onStart: () => hasStarted() })
    await started
    controller.abort()
    await assert.rejects(running, { name: 'AbortError' })
    assert.equal(await pool.run(0, call('thread')), before)
  })

  it('is closed once: what is not done rejects, later calls too', async () => {
    const pool = new ThreadPool({ size: 1, graceMs: 50 })
    const calls = [pool.run({ n: 1, poison: 1 }, call('hangOn')), pool.run(1, call('double'))]
    const settled = Promise.allSettled(calls)
    await pool.close()
    for (const result of await settled) {
      assert.equal(result.status, 'rejected')
      assert.equal((result.reason as { code: string }).code, 'ERR_POOL_CLOSED')
    }
    await assert.rejects(pool.run(1, call('double')), { code: 'ERR_POOL_CLOSED' })
    assert.equal(pool.threadCount, 0)
    await pool.close()
  })

  it('checks its options', () => {
    for (const options of [
      { size: 0 },
      { sise: 1 },
      { maxDeaths: 0 },
      { graceMs: -1 },
      { recycle: { afterItems: 0 } },
      { recycle: { heap: 1 } },
      { init: (() => {}) as never },
    ]) {
      assert.throws(() => new ThreadPool(options), { code: 'ERR_BAD_OPTION' })
    }
  })
})
