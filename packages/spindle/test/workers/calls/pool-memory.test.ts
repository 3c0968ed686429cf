import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PipelineBuilder, SegmentPool, ThreadPool, workerModule } from 'spindle'
import { collect } from '../../support/consume.ts'
import { range } from '../../support/sources.ts'
import type * as Ops from './fixtures/memory.ts'

const href = import.meta.resolve('./fixtures/memory.js')
const ops = workerModule<typeof Ops>(href)
const call = (name: string, signal: AbortSignal = new AbortController().signal) => ({
  filename: href,
  name,
  signal,
})

const until = async (isSo: () => boolean): Promise<void> => {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 2))
}

describe('a pool of threads with shared memory', () => {
  it('has ops write their results where the caller reads them', async () => {
    const memory = new SegmentPool({ maxBytes: 2 ** 25 })
    await using pool = new ThreadPool({ size: 2, memory })
    const results = await Promise.all(
      [...range(20)].map((n) => pool.run({ n, bytes: 100_000 }, call('write'))),
    )
    for (const [n, result] of (results as { n: number; bytes: Uint8Array }[]).entries()) {
      assert.equal(result.n, n)
      assert.ok(result.bytes.buffer instanceof SharedArrayBuffer)
      assert.ok(result.bytes.every((byte) => byte === n))
      assert.equal(SegmentPool.leaseOf(result.bytes)?.release(), true)
    }
    assert.equal(memory.stats().usedBytes, 0)
    const { transferredBytes, copiedBytes } = pool.stats()
    assert.deepEqual({ transferredBytes, copiedBytes }, { transferredBytes: 0, copiedBytes: 0 })
  })

  it('takes ordinary memory when that is used up', async () => {
    const memory = new SegmentPool({ segmentBytes: 2 ** 16, maxBytes: 2 ** 16 })
    await using pool = new ThreadPool({ size: 1, memory })
    const kept: Uint8Array[] = []
    for (let n = 0; n < 4; n++)
      kept.push(
        ((await pool.run({ n, bytes: 30_000 }, call('write'))) as { bytes: Uint8Array }).bytes,
      )
    const kinds = kept.map((bytes) => bytes.buffer instanceof SharedArrayBuffer)
    assert.deepEqual(kinds, [true, true, false, false])
    assert.ok(kept.every((bytes, n) => bytes.every((byte) => byte === n)))
  })

  it('gets back what no result needs: of calls that fail, are aborted, or kill their thread', async () => {
    const memory = new SegmentPool({ maxBytes: 2 ** 24 })
    await using pool = new ThreadPool({ size: 1, memory, maxDeaths: 1 })
    await assert.rejects(pool.run(1, call('fail')), /no result/)
    assert.equal(await pool.run(1, call('waste')), 1)
    await assert.rejects(pool.run(1, call('die')), { code: 'ERR_WORKER_DIED' })
    const controller = new AbortController()
    const aborted = pool.run(1, {
      ...call('slow', controller.signal),
      onStart: () => controller.abort(),
    })
    await assert.rejects(aborted, { name: 'AbortError' })
    await until(() => pool.stats().running === 0)
    assert.equal(memory.stats().usedBytes, 0)
  })

  it('lends items’ memory to ops, and it stays the caller’s, also when an op passes it on', async () => {
    const memory = new SegmentPool({ maxBytes: 2 ** 24 })
    await using pool = new ThreadPool({ size: 1, memory })
    using lease = memory.allocate(1000)
    lease.fill(3)
    assert.equal(await pool.run({ data: lease.bytes }, call('sum')), 3000)
    const same = (await pool.run({ data: lease.bytes }, call('pass'))) as { data: Uint8Array }
    assert.equal(SegmentPool.leaseOf(same.data), lease)
    assert.equal(same.data[0], 4)
    assert.equal(lease.bytes[0], 4)
    lease.release()
    assert.equal(memory.stats().usedBytes, 0)
  })

  it('transfers what generators allocate', async () => {
    const memory = new SegmentPool({ maxBytes: 2 ** 24 })
    await using pool = new ThreadPool({ size: 1, memory })
    const pipeline = new PipelineBuilder()
      .addSource([5])
      .pipe(ops.pieces, { executor: pool })
      .build()
    const given = await collect(pipeline)
    assert.deepEqual(
      given.map((bytes) => [bytes.length, bytes[0], bytes.buffer instanceof ArrayBuffer]),
      [...range(5)].map((n) => [20_000, n, true]),
    )
    assert.equal(memory.stats().usedBytes, 0)
  })

  it('checks the option', () => {
    assert.throws(() => new ThreadPool({ memory: {} as never }), { code: 'ERR_BAD_OPTION' })
  })
})
