import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  BatchSlots,
  openSlot,
  PipelineBuilder,
  SegmentPool,
  ThreadPool,
  workerModule,
} from 'spindle'
import { rejectsCode, throwsCode } from '../../support/consume.ts'
import { turns, until } from '../../support/gates.ts'
import type * as Ops from './fixtures/batch-ops.ts'

const ops = workerModule<typeof Ops>(import.meta.resolve('./fixtures/batch-ops.js'))
const FLOATS = 500
const slotBytes = FLOATS * 4
const call = (op: { href: string; exportName: string }, signal = new AbortController().signal) => ({
  filename: op.href,
  name: op.exportName,
  signal,
})
const smallPool = () => new SegmentPool({ segmentBytes: 2 ** 20, maxBytes: 2 ** 22 })
const expected = (index: number) =>
  Float32Array.from({ length: FLOATS }, (_, at) => index * 1000 + at)

describe('a batch of slots', () => {
  it('is filled by several workers, and holds every slot in its place', async () => {
    await using threads = new ThreadPool({ size: 2 })
    const pool = smallPool()
    for (let round = 0; round < 8; round++) {
      using batch = await BatchSlots.acquire(pool, { count: 32, slotBytes })
      const pipeline = new PipelineBuilder()
        .addSource(batch.slots().map((slot) => ({ slot, value: slot.index * 1000 })))
        .pipe(ops.fillSlot, { executor: threads, concurrency: 8 })
        .build()
      const [outcome] = await Promise.all([
        batch.completed(),
        pipeline.forEach((isFilled) => assert.ok(isFilled)),
      ])
      assert.deepEqual(outcome, { filled: [...Array(32).keys()], failed: [] })
      const data = batch.view(Float32Array)
      assert.equal(data.length, 32 * FLOATS)
      for (let index = 0; index < 32; index++)
        assert.deepEqual(data.slice(index * FLOATS, (index + 1) * FLOATS), expected(index))
    }
    assert.equal(pool.stats().usedBytes, 0)
    assert.equal(pool.stats().lostWakeups, 0)
  })

  it('may have a slot tried again, which then holds what the last attempt wrote', async () => {
    await using threads = new ThreadPool({ size: 1 })
    using batch = await BatchSlots.acquire(smallPool(), { count: 3, slotBytes })
    await new PipelineBuilder()
      .addSource(batch.slots().map((slot) => ({ slot, value: slot.index * 1000 })))
      .pipe(ops.fillAtSecond, { executor: threads, retry: { retries: 1, minDelayMs: 1 } })
      .build()
      .forEach((isFilled) => assert.ok(isFilled))
    assert.deepEqual((await batch.completed()).filled, [0, 1, 2])
    assert.deepEqual(batch.view(Float32Array).slice(FLOATS, 2 * FLOATS), expected(1))
  })

  it('is complete when what cannot be filled was said to have failed', async () => {
    const pool = smallPool()
    using batch = await BatchSlots.acquire(pool, { count: 3, slotBytes: 5 })
    const [first, second, third] = batch.slots()
    const target = openSlot(first!)
    target.done()
    assert.equal(target.done(), false)
    batch.fail(0) // it was filled before
    batch.fail(1)
    openSlot(third!)[Symbol.dispose]()
    assert.equal(batch.isComplete, false)
    await rejectsCode(batch.completed({ timeoutMs: 5 }), 'ERR_TIMEOUT', /1 of 3 slots/)
    const again = openSlot(third!)
    again.bytes.fill(7)
    const late = openSlot(second!) // of use to nobody, but it does no harm
    late.bytes.fill(9)
    assert.equal(late.done(), false)
    assert.equal(again.done(), true)
    assert.deepEqual(await batch.completed(), { filled: [0, 2], failed: [1] })
    assert.deepEqual([...batch.view(Uint8Array).subarray(10)], [7, 7, 7, 7, 7])
    assert.ok(
      batch
        .view(Uint8Array)
        .subarray(5, 10)
        .every((byte) => byte !== 9),
    )
  })

  it('survives workers that die in a slot, or after it', async () => {
    await using threads = new ThreadPool({ size: 1, maxDeaths: 2 })
    const pool = smallPool()
    {
      using batch = await BatchSlots.acquire(pool, { count: 3, slotBytes })
      const run = (op: Parameters<typeof call>[0], index: number) =>
        threads.run({ slot: batch.slot(index), value: index * 1000 }, call(op))
      await rejectsCode(run(ops.dieInSlot, 0), 'ERR_WORKER_DIED')
      // Run again after a death: the slot is taken from the dead, and is filled.
      await run(ops.fillSlot, 0)
      await rejectsCode(run(ops.fillAndDie, 1), 'ERR_WORKER_DIED')
      await rejectsCode(run(ops.dieInSlot, 2), 'ERR_WORKER_DIED')
      batch.fail(2, { isWriterGone: true })
      assert.deepEqual(await batch.completed(), { filled: [0, 1], failed: [2] })
      assert.deepEqual(batch.view(Float32Array).slice(FLOATS, 2 * FLOATS), expected(1))
    }
    assert.equal(pool.stats().usedBytes, 0)
  })

  it('keeps its memory, when given back, until the last has left it, so that nobody else has it meanwhile', async () => {
    await using threads = new ThreadPool({ size: 1 })
    const pool = smallPool()
    const batch = await BatchSlots.acquire(pool, { count: 4, slotBytes: 2 ** 20 })
    const aborted = new AbortController()
    const view = batch.view(Uint8Array)
    const last = 3 * 2 ** 20
    view[last] = 0
    const task = threads.run(
      { slot: batch.slot(3), value: 77 },
      call(ops.writeUntilAborted, aborted.signal),
    )
    await until(() => view[last] === 77, 'the writer')
    assert.equal(batch.release(), true)
    assert.equal(batch.release(), false)
    throwsCode(() => batch.view(Uint8Array), 'ERR_STALE_VIEW')
    throwsCode(() => openSlot(batch.slot(0)), 'ERR_STALE_VIEW')
    assert.equal(pool.tryAllocate(1), undefined)
    const waiting = pool.acquire(4 * 2 ** 20)
    aborted.abort()
    await assert.rejects(task)
    assert.equal((await waiting).release(), true)
    assert.equal(pool.stats().usedBytes, 0)
  })

  it('goes back when it is forgotten, with the last view of it', async () => {
    const collect = (globalThis as { gc?: () => void }).gc as () => void
    const pool = smallPool()
    const view = await (async () => {
      const batch = await BatchSlots.acquire(pool, { count: 2, slotBytes: 10 })
      return batch.view(Uint8Array)
    })()
    for (let round = 0; round < 3; round++) {
      await turns(3)
      collect()
    }
    assert.equal(SegmentPool.leaseOf(view)?.isLive, true)
    await (async () => BatchSlots.acquire(pool, { count: 2, slotBytes: 10 }))()
    await until(() => {
      collect()
      return pool.stats().usedBytes === 1024
    })
  })

  it('counts every slot once and frees its memory once, whatever is done to it in whatever order', () => {
    const step = fc.record({
      slot: fc.nat(2),
      way: fc.constantFrom('open', 'open', 'done', 'leave', 'fail', 'gone', 'release'),
      which: fc.nat(),
    })
    return fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const pool = smallPool()
        const batch = await BatchSlots.acquire(pool, { count: 3, slotBytes: 8 })
        const states = ['empty', 'empty', 'empty']
        const open: { slot: number; target: ReturnType<typeof openSlot>; isCurrent: boolean }[] = []
        let isReleased = false
        const take = (which: number) =>
          open.length > 0 ? open.splice(which % open.length, 1)[0] : undefined
        for (const { slot, way, which } of steps) {
          if (way === 'open') {
            if (isReleased && states[slot] === 'empty')
              throwsCode(() => openSlot(batch.slot(slot)), 'ERR_STALE_VIEW')
            if (isReleased) continue
            const target = openSlot(batch.slot(slot))
            for (const other of open)
              if (other.slot === slot && states[slot] === 'empty') other.isCurrent = false
            open.push({ slot, target, isCurrent: states[slot] === 'empty' })
          } else if (way === 'done') {
            const one = take(which)
            if (one === undefined) continue
            const counts = one.isCurrent && states[one.slot] === 'empty'
            assert.equal(one.target.done(), counts)
            if (counts) states[one.slot] = 'filled'
          } else if (way === 'leave') take(which)?.target[Symbol.dispose]()
          else if (way === 'release') {
            assert.equal(batch.release(), !isReleased)
            isReleased = true
          } else {
            batch.fail(slot, { isWriterGone: way === 'gone' })
            if (way === 'gone') for (const one of open) if (one.slot === slot) one.isCurrent = false
            if (states[slot] === 'empty') states[slot] = 'failed'
          }
          assert.equal(batch.isComplete, !states.includes('empty'))
        }
        batch.release()
        for (const { target } of open) target.done()
        assert.equal(pool.stats().usedBytes, 0)
        for (const index of [0, 1, 2]) batch.fail(index)
        const of = (state: string) => states.flatMap((one, index) => (one === state ? [index] : []))
        const { filled } = await batch.completed()
        assert.ok(of('filled').every((index) => filled.includes(index)))
      }),
      { numRuns: 200 },
    )
  })

  it('refuses wrong options and slots', async () => {
    const pool = smallPool()
    await rejectsCode(
      BatchSlots.acquire(pool, { count: 0, slotBytes: 1 }),
      'ERR_BAD_OPTION',
      /count/,
    )
    await rejectsCode(
      BatchSlots.acquire(pool, { count: 1, slotBytes: 0 }),
      'ERR_BAD_OPTION',
      /slotBytes/,
    )
    await rejectsCode(BatchSlots.acquire(pool, { count: 5, slotBytes: 2 ** 20 }), 'ERR_TOO_LARGE')
    using batch = await BatchSlots.acquire(pool, { count: 1, slotBytes: 1 })
    throwsCode(() => batch.slot(1), 'ERR_BAD_OPTION', /index/)
    throwsCode(() => batch.fail(-1), 'ERR_BAD_OPTION', /index/)
  })
})
