import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Lease, type LeaseDescriptor, SegmentPool, ThreadPool, workerModule } from 'spindle'
import { rejectsCode, throwsCode } from '../../support/consume.ts'
import { turns, until } from '../../support/gates.ts'
import type * as Ops from './fixtures/pool-ops.ts'

const filename = import.meta.resolve('./fixtures/pool-ops.js')
const ops = workerModule<typeof Ops>(filename)
const { signal } = new AbortController()
const run = <R>(threads: ThreadPool, op: { exportName: string }, item: unknown): Promise<R> =>
  threads.run(item, { filename, name: op.exportName, signal }) as Promise<R>
const collect = (globalThis as { gc?: () => void }).gc as () => void
/** Collects garbage until the condition holds. */
const collected = (condition: () => boolean) =>
  until(() => {
    collect()
    return condition()
  }, 'the collection')

const SEGMENT = 32_768
const smallPool = (segments = 4) =>
  new SegmentPool({ segmentBytes: SEGMENT, maxBytes: segments * SEGMENT })

describe('a segment pool', () => {
  it('never gives a byte to two, gives aligned ones, stays in its bounds, gets all back, and knows what is stale', () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ take: fc.integer({ min: 0, max: 3 * SEGMENT }) }) },
      { weight: 4, arbitrary: fc.record({ take: fc.integer({ min: 0, max: 3000 }) }) },
      {
        weight: 5,
        arbitrary: fc.record({
          give: fc.nat(),
          by: fc.constantFrom('release', 'open', 'discard', 'using'),
        }),
      },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const pool = smallPool()
        // As another thread has it.
        const other = new SegmentPool(pool.handle)
        const live: { lease: Lease; mark: number }[] = []
        const stale: { lease: Lease; descriptor: LeaseDescriptor }[] = []
        steps.forEach((now, seed) => {
          if ('take' in now) {
            const lease = (seed % 2 === 0 ? pool : other).tryAllocate(now.take)
            if (lease === undefined) return assert.ok(live.length > 0, 'an unused pool has room')
            assert.equal(lease.bytes.byteOffset % 64, 0)
            assert.equal(lease.bytes.byteLength, now.take)
            lease.bytes.fill(seed)
            live.push({ lease, mark: seed })
          } else if (live.length > 0) {
            const [{ lease }] = live.splice(now.give % live.length, 1) as [(typeof live)[0]]
            const descriptor = lease.toDescriptor()
            if (now.by === 'release') assert.equal(lease.release(), true)
            else if (now.by === 'open') assert.equal(other.open(descriptor).release(), true)
            else if (now.by === 'discard') assert.equal(pool.discard(descriptor), true)
            else {
              using _given = lease
            }
            stale.push({ lease, descriptor })
          }
          for (const { lease, mark } of live) assert.ok(lease.bytes.every((byte) => byte === mark))
          const { usedBytes, touchedBytes, maxBytes } = pool.stats()
          const needed = live.reduce((sum, { lease }) => sum + lease.byteLength, 0)
          assert.ok(needed <= usedBytes && usedBytes <= touchedBytes && touchedBytes <= maxBytes)
        })
        for (const { lease, descriptor } of stale) {
          assert.equal(lease.isLive, false)
          assert.equal(lease.release(), false)
          assert.equal(pool.discard(descriptor), false)
          throwsCode(() => lease.bytes, 'ERR_STALE_VIEW')
          throwsCode(() => lease.validate(), 'ERR_STALE_VIEW')
          throwsCode(() => lease.toDescriptor(), 'ERR_STALE_VIEW')
          throwsCode(() => other.open(descriptor), 'ERR_STALE_VIEW', /was released/)
        }
        for (const { lease } of live) lease.release()
        assert.equal(pool.stats().usedBytes, 0)
        // And it is as good as new.
        assert.equal(pool.allocate(4 * SEGMENT).release(), true)
      }),
      { numRuns: 150 },
    )
  })

  it('is used by several threads at once: nobody finds what another wrote, and all comes back', async () => {
    await using threads = new ThreadPool({ size: 3 })
    // Little room, so that they are in each other's way all the time.
    for (const [segments, maxBytes] of [
      [4, 5000],
      [5, 2.5 * SEGMENT],
    ] as const) {
      const pool = smallPool(segments)
      const tasks = [1, 2, 3].map((seed) => ({ pool: pool.handle, seed, rounds: 20_000, maxBytes }))
      const counts = await Promise.all(tasks.map((task) => run<number>(threads, ops.hammer, task)))
      assert.ok(counts.reduce((sum, count) => sum + count) > 3000, `${counts}`)
      assert.equal(pool.stats().usedBytes, 0)
      assert.equal(pool.allocate(segments * SEGMENT).release(), true)
    }
  })

  it('is filled in a worker and read here, in the same memory, and given back from either side', async () => {
    await using threads = new ThreadPool({ size: 1 })
    const pool = new SegmentPool()
    const task = { pool: pool.handle, byteLength: 150_528, value: 9 }
    const first = pool.open(await run(threads, ops.produce, task))
    assert.ok(first.bytes.every((byte) => byte === 9))
    const lease = first.toDescriptor()
    await run(threads, ops.write, { pool: pool.handle, lease, at: 5, value: 1 })
    assert.equal(first.bytes[5], 1)
    first.bytes[6] = 2
    assert.equal(await run(threads, ops.read, { pool: pool.handle, lease, at: 6 }), 2)
    assert.equal(await run(threads, ops.release, { pool: pool.handle, lease }), true)
    throwsCode(() => first.bytes, 'ERR_STALE_VIEW')
    await rejectsCode(run(threads, ops.read, { pool: pool.handle, lease, at: 6 }), 'ERR_STALE_VIEW')

    const second = pool.open(await run(threads, ops.produce, task))
    assert.equal(second.release(), true)
    assert.equal(pool.stats().usedBytes, 0)
  })

  it('knows a stale lease when its place is in use again, also when the count of uses has come round', () => {
    const pool = smallPool(1)
    // The count of the first place, just before the largest number there is: behind header,
    // segments and bits.
    const { control } = pool.handle
    const generations = new Int32Array(control).subarray(6 + 1 + 1)
    generations[0] = 2 ** 31 - 2
    const old: LeaseDescriptor[] = []
    for (let use = 0; use < 6; use++) {
      const lease = pool.allocate(SEGMENT)
      for (const descriptor of old) throwsCode(() => pool.open(descriptor), 'ERR_STALE_VIEW')
      old.push(lease.toDescriptor())
      assert.equal(lease.release(), true)
    }
    assert.deepEqual(new Set(old.map(({ generation }) => generation)).size, 6)
    assert.ok(old.some(({ generation }) => generation < 0))
    assert.equal(pool.stats().usedBytes, 0)
  })

  it('takes memory back when nothing can reach it any more, and not before', async () => {
    const pool = smallPool()
    let part: Uint8Array | undefined = await forget(() => {
      const { buffer, byteOffset } = pool.allocateArray(Float32Array, 100)
      return new Uint8Array(buffer, byteOffset + 40, 8).subarray(2)
    })
    let node: Buffer | undefined = await forget(() =>
      Buffer.from(part!.buffer, part!.byteOffset, 4),
    )
    for (const isHeld of [() => SegmentPool.leaseOf(part!), () => SegmentPool.leaseOf(node!)]) {
      for (let round = 0; round < 3; round++) {
        collect()
        await turns(3)
      }
      assert.equal(isHeld()?.byteLength, 400)
      assert.equal(pool.stats().collected, 0)
      part = undefined
    }
    node = undefined
    await collected(() => pool.stats().collected === 1)
    assert.equal(pool.stats().usedBytes, 0)
  })

  it('leaves memory to the other side once its descriptor was made, and takes it back with the last view there', async () => {
    const pool = smallPool()
    const other = new SegmentPool(pool.handle)
    const descriptor = await forget(() => pool.allocate(10).toDescriptor())
    const kept = await forget(() => pool.allocate(10))
    for (let round = 0; round < 3; round++) {
      collect()
      await turns(3)
    }
    assert.equal(pool.stats().collected, 0)
    await forget(() => other.open(descriptor))
    await collected(() => pool.stats().collected === 1)
    throwsCode(() => other.open(descriptor), 'ERR_STALE_VIEW')
    // Not sent after all.
    await forget(() => {
      kept.toDescriptor()
      kept.takeBack()
    })
    assert.equal(kept.isLive, true)
  })

  it('hands views over together with their lease', () => {
    const pool = smallPool()
    const other = new SegmentPool(pool.handle)
    const pixels = pool.allocateArray(Float32Array, 6)
    pixels.set([1, 2, 3])
    const handover = SegmentPool.leaseOf(pixels)?.handOver()
    // What `postMessage` does.
    const arrived = structuredClone({ value: { shape: [2, 3], data: pixels }, handover })
    const lease = other.adopt(arrived.handover!)
    assert.equal(SegmentPool.leaseOf(arrived.value.data), lease)
    assert.deepEqual([...arrived.value.data], [1, 2, 3, 0, 0, 0])
    lease.release()
    throwsCode(() => SegmentPool.leaseOf(pixels)?.validate(), 'ERR_STALE_VIEW')
  })

  it('gives back what a dead thread held, and leaves what others have opened', async () => {
    await using threads = new ThreadPool({ size: 1, maxDeaths: 1 })
    const pool = new SegmentPool({ segmentBytes: 2 ** 20, maxBytes: 2 ** 22 })
    const ours = pool.allocate(100_000)
    const task = { pool: pool.handle, byteLength: 100_000, count: 3 }
    const [member, descriptor] = await run<[number, LeaseDescriptor]>(threads, ops.keep, task)
    assert.notEqual(member, pool.member)
    const opened = pool.open(descriptor)
    await assert.rejects(run(threads, ops.die, undefined))
    assert.equal(pool.reclaim(member), 2)
    assert.equal(pool.reclaim(member), 0)
    assert.equal(opened.isLive && ours.isLive, true)
    opened.release()
    ours.release()
    assert.equal(pool.stats().usedBytes, 0)
  })

  it('waits for memory in the order of asking, within its time, until aborted', async () => {
    const pool = smallPool(2)
    const all = pool.allocate(2 * SEGMENT)
    const order: string[] = []
    const ask = async (name: string, byteLength: number, options = {}) => {
      const lease = await pool.acquire(byteLength, options)
      order.push(name)
      return lease
    }
    const aborted = new AbortController()
    const large = ask('large', 2 * SEGMENT)
    const late = rejectsCode(
      ask('late', 10, { timeoutMs: 5 }),
      'ERR_TIMEOUT',
      /10 bytes was not free within 5 ms/,
    )
    const left = assert.rejects(ask('left', 10, { signal: aborted.signal }), /no more/)
    const small = ask('small', 10)
    await late
    aborted.abort(new Error('no more'))
    await left
    all.release()
    ;(await large).release()
    ;(await small).release()
    assert.deepEqual(order, ['large', 'small'])
    await assert.rejects(pool.acquire(10, { signal: aborted.signal }), /no more/)

    // The first in the row leaves: the others need not wait for what it wanted.
    const half = pool.allocate(SEGMENT)
    const first = assert.rejects(ask('first', 2 * SEGMENT, { timeoutMs: 5 }), {
      code: 'ERR_TIMEOUT',
    })
    const second = ask('second', 10)
    await first
    ;(await second).release()
    half.release()
    assert.equal(pool.stats().usedBytes, 0)
    assert.equal(pool.stats().lostWakeups, 0)
  })

  it('waits for what another thread gives back', async () => {
    await using threads = new ThreadPool({ size: 1 })
    const pool = smallPool(1)
    await run(threads, ops.acquireSync, { pool: pool.handle, byteLength: 1, timeoutMs: 1 })
    for (let round = 0; round < 20; round++) {
      const all = pool.allocate(SEGMENT)
      const task = { pool: pool.handle, byteLength: SEGMENT, timeoutMs: 5000 }
      const theirs = run<string>(threads, ops.acquireSync, task)
      await turns(round)
      all.release()
      const ours = pool.acquire(SEGMENT).then((lease) => lease.release())
      assert.deepEqual(await Promise.all([theirs, ours]), ['got it', true])
    }
    using _all = pool.allocate(SEGMENT)
    const inVain = { pool: pool.handle, byteLength: 1, timeoutMs: 5 }
    assert.equal(await run(threads, ops.acquireSync, inVain), 'ERR_TIMEOUT')
    assert.equal(pool.stats().lostWakeups, 0)
  })

  it('is the same object wherever it is attached in a thread, and the same member when that was forgotten', async () => {
    const pool = smallPool()
    assert.equal(SegmentPool.attach(structuredClone(pool.handle)), pool)
    const { handle, member, ref } = await forget(() => {
      const forgotten = smallPool()
      return { handle: forgotten.handle, member: forgotten.member, ref: new WeakRef(forgotten) }
    })
    await collected(() => ref.deref() === undefined)
    assert.equal(SegmentPool.attach(handle).member, member)
    throwsCode(() => SegmentPool.attach({} as never), 'ERR_BAD_OPTION', /handle/)
  })

  it('says clearly what cannot be had', async () => {
    const pool = smallPool(1)
    throwsCode(
      () => pool.tryAllocate(SEGMENT + 1),
      'ERR_TOO_LARGE',
      /32769 bytes/,
      /maxBytes.* 32768/,
    )
    await rejectsCode(pool.acquire(SEGMENT + 1), 'ERR_TOO_LARGE')
    throwsCode(() => pool.acquireSync(SEGMENT + 1), 'ERR_TOO_LARGE')
    using lease = pool.allocate(SEGMENT)
    assert.equal(pool.tryAllocate(1), undefined)
    throwsCode(() => pool.allocate(1), 'ERR_POOL_FULL', /32768 of 32768 are in use/, /acquire\(\)/)
    throwsCode(() => pool.acquireSync(1, { timeoutMs: 5 }), 'ERR_TIMEOUT')
    throwsCode(() => pool.tryAllocate(-1), 'ERR_BAD_OPTION', /byteLength/)
    throwsCode(() => lease.view(Float32Array, 2), 'ERR_BAD_OPTION', /multiple of 4/)
    throwsCode(() => lease.view(Float32Array, 4, SEGMENT / 4), 'ERR_BAD_OPTION', /at most 8191/)
    throwsCode(() => lease.view(Uint8Array, SEGMENT + 1), 'ERR_BAD_OPTION')
    throwsCode(() => smallPool().open(lease.toDescriptor()), 'ERR_BAD_OPTION', /of this pool/)
    throwsCode(() => pool.open({ ...lease.toDescriptor(), offset: 5 }), 'ERR_BAD_OPTION')
    throwsCode(() => new SegmentPool({ segmentBytes: 40_000 }), 'ERR_BAD_OPTION', /power of two/)
    throwsCode(() => new SegmentPool({ maxBytes: 1000 }), 'ERR_BAD_OPTION', /maxBytes/)
    throwsCode(() => new SegmentPool({ count: 1 } as never), 'ERR_BAD_OPTION', /unknown option/)
  })

  it('takes no real memory for what was never used', () => {
    const before = process.memoryUsage.rss()
    const pool = new SegmentPool({ maxBytes: 2 ** 30 })
    for (let round = 0; round < 100; round++)
      pool
        .allocate(2 ** 20)
        .fill(1)
        .release()
    assert.equal(pool.stats().touchedBytes, 2 ** 24)
    assert.ok(process.memoryUsage.rss() - before < 2 ** 28)
  })
})

/** Calls it in a frame of its own, so that nothing on the stack holds what it has made. */
async function forget<R>(make: () => R): Promise<R> {
  await turns()
  const made = make()
  await turns()
  return made
}
