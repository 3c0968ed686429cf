import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { RingBuffer, ThreadPool, workerModule } from 'spindle'
import { SpinPolicy, spinUsFor } from '../../../src/workers/memory/spin-policy.ts'
import { runChild } from '../../support/child.ts'
import { rejectsCode, throwsCode } from '../../support/consume.ts'
import { turns } from '../../support/gates.ts'
import { tries } from '../../support/tries.ts'
import type * as Ops from './fixtures/ring-ops.ts'
import { consume, type Form } from './fixtures/ring-ops.ts'

const filename = import.meta.resolve('./fixtures/ring-ops.js')
const ops = workerModule<typeof Ops>(filename)
const { signal } = new AbortController()
const run = <R>(pool: ThreadPool, op: { exportName: string }, item: unknown): Promise<R> =>
  pool.run(item, { filename, name: op.exportName, signal }) as Promise<R>
const bytesOf = (size: number, seed: number) =>
  Uint8Array.from({ length: size }, (_, i) => (i * 7 + seed) & 255)

describe('a ring', () => {
  it('gives back the messages in order, whatever their sizes and however writes and reads alternate', () => {
    const step = fc.record({
      way: fc.constantFrom(
        'write',
        'in place',
        'less than reserved',
        'forget',
        'read',
        'peek',
        'release',
      ),
      size: fc.nat(260),
    })
    const positions = fc.constantFrom(0, -8, -64, -512, 2 ** 31 - 16)
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), positions, (steps, start) => {
        const ring = new RingBuffer({ capacityBytes: 512 })
        // As if it had been in use for 4 GiB: positions are counted in 32 bits.
        const words = new Int32Array(ring.handle.ring)
        words[16] = words[32] = start
        const expected: Uint8Array[] = []
        let peeked: Uint8Array | undefined
        steps.forEach(({ way, size }, seed) => {
          const bytes = bytesOf(Math.min(size, ring.maxMessageBytes), seed)
          if (way === 'write') {
            if (ring.tryWrite(bytes)) expected.push(bytes)
            else assert.ok(ring.usedBytes > 0, 'an empty ring takes any message')
          } else if (way === 'in place' || way === 'less than reserved' || way === 'forget') {
            const room = ring.tryReserve(bytes.length)
            if (room === undefined) return assert.ok(ring.usedBytes > 0)
            assert.equal(room.byteOffset % 8, 0)
            room.set(bytes)
            if (way === 'forget') return
            const length = way === 'in place' ? bytes.length : bytes.length >> 1
            ring.commit(length)
            expected.push(bytes.subarray(0, length))
          } else if (way === 'read') {
            assert.deepEqual(ring.tryRead(), expected.shift())
            peeked = undefined
          } else if (way === 'peek') {
            peeked = ring.tryPeek()
            assert.deepEqual(peeked && new Uint8Array(peeked), expected[0])
          } else if (peeked !== undefined) {
            ring.release()
            peeked = undefined
            expected.shift()
          }
          assert.ok(ring.usedBytes <= ring.capacityBytes)
        })
        ring.close()
        assert.deepEqual([...ring], expected)
        assert.equal(ring.usedBytes, 0)
      }),
      { numRuns: tries(100) },
    )
  })

  const pairs: [Form, Form, number, number][] = [
    ['sync', 'sync', 100_000, 50],
    ['sync', 'in place', 20_000, 0],
    ['in place', 'sync', 20_000, 50],
    ['async', 'async', 5000, 0],
    ['sync', 'async', 5000, 0],
    ['async', 'sync', 5000, 0],
  ]
  for (const [from, to, count, spinUs] of pairs) {
    it(`carries ${count} messages from thread to thread, ${from} to ${to}, and forgets no one who waits`, async () => {
      await using pool = new ThreadPool({ size: 2 })
      const ring = new RingBuffer({ capacityBytes: 4096 })
      const traffic = { ring: ring.handle, count, seed: 3, maxBytes: 200, spinUs }
      const [received] = await Promise.all([
        run<number>(pool, ops.consume, { ...traffic, form: to }),
        run(pool, ops.produce, { ...traffic, form: from }),
      ])
      assert.equal(received, count)
      assert.equal(ring.lostWakeups, 0)
    })
  }

  it('carries messages to a main thread that holds its loop by a plain for, and to one that does not', async () => {
    await using pool = new ThreadPool({ size: 1 })
    for (const form of ['sync', 'async'] as const) {
      const ring = new RingBuffer({ capacityBytes: 1 << 16 })
      const traffic = { ring: ring.handle, count: 1500, seed: 4, maxBytes: 20_000, spinUs: 50 }
      const done = run(pool, ops.produce, { ...traffic, form: 'in place' })
      // The task leaves for its thread at the end of this turn; the thread may have to be started
      // first.
      while (ring.usedBytes === 0) await turns()
      assert.equal(await consume({ ...traffic, form }), 1500)
      await done
      assert.equal(ring.lostWakeups, 0)
    }
  })

  it('shows nothing of a message before it is committed', () => {
    const ring = new RingBuffer({ capacityBytes: 64 })
    ring.reserveSync(3).set([1, 2, 3])
    assert.equal(ring.tryRead(), undefined)
    ring.commit(2)
    assert.deepEqual(ring.tryRead(), new Uint8Array([1, 2]))
    throwsCode(() => ring.commit(), 'ERR_BAD_STATE', /no room was reserved/)
    throwsCode(() => ring.release(), 'ERR_BAD_STATE', /no message was peeked/)
    ring.reserveSync(3)
    throwsCode(() => ring.commit(4), 'ERR_BAD_OPTION', /at most what was reserved, 3/)
  })

  it('keeps the place of a message that is peeked at until it is released', () => {
    const ring = new RingBuffer({ capacityBytes: 64 })
    ring.writeSync(bytesOf(24, 1))
    ring.writeSync(bytesOf(24, 2))
    assert.deepEqual(new Uint8Array(ring.tryPeek() ?? []), bytesOf(24, 1))
    assert.equal(ring.tryWrite(bytesOf(24, 3)), false)
    ring.release()
    assert.equal(ring.tryWrite(bytesOf(24, 3)), true)
    assert.deepEqual(ring.tryRead(), bytesOf(24, 2))
  })

  it('refuses at once what could never be written, and says how much could', () => {
    const ring = new RingBuffer({ capacityBytes: 1000 })
    assert.equal(ring.capacityBytes, 1024)
    assert.equal(ring.maxMessageBytes, 504)
    throwsCode(
      () => ring.tryWrite(new Uint8Array(505)),
      'ERR_TOO_LARGE',
      /505 bytes/,
      /ring of 1024/,
      /up to 504/,
    )
    throwsCode(() => ring.reserveSync(505), 'ERR_TOO_LARGE')
    throwsCode(() => new RingBuffer({ capacityBytes: 63 }), 'ERR_BAD_OPTION', /capacityBytes/)
    throwsCode(
      () => new RingBuffer({ capacityBytes: 2 ** 30 + 1 }),
      'ERR_BAD_OPTION',
      /capacityBytes/,
    )
    throwsCode(() => new RingBuffer({ capacityBytes: 64, spinUs: 51 }), 'ERR_BAD_OPTION', /spinUs/)
    throwsCode(() => new RingBuffer({ capacity: 64 } as never), 'ERR_BAD_OPTION', /unknown option/)
    throwsCode(() => RingBuffer.attach({} as never), 'ERR_BAD_OPTION', /handle/)
    throwsCode(() => ring.readSync({ timeoutMs: 0 }), 'ERR_BAD_OPTION', /timeoutMs/)
  })

  it('waits no longer than it is told, and loses nothing by that', async () => {
    const ring = new RingBuffer({ capacityBytes: 64 })
    throwsCode(() => ring.readSync({ timeoutMs: 5 }), 'ERR_TIMEOUT', /no message within 5 ms/)
    await rejectsCode(ring.read({ timeoutMs: 5 }), 'ERR_TIMEOUT')
    ring.writeSync(bytesOf(24, 1))
    ring.writeSync(bytesOf(24, 2))
    throwsCode(
      () => ring.writeSync(bytesOf(24, 3), { timeoutMs: 5 }),
      'ERR_TIMEOUT',
      /no room within 5 ms/,
    )
    await rejectsCode(ring.write(bytesOf(24, 3), { timeoutMs: 5 }), 'ERR_TIMEOUT')
    const aborted = new AbortController()
    const writing = ring.write(bytesOf(24, 3), { signal: aborted.signal })
    await rejectsCode(ring.write(bytesOf(24, 4)), 'ERR_BAD_STATE', /await it first/)
    aborted.abort(new Error('enough'))
    await assert.rejects(writing, /enough/)
    await assert.rejects(ring.write(bytesOf(24, 3), { signal: aborted.signal }), /enough/)
    ring.close()
    assert.deepEqual([...ring], [bytesOf(24, 1), bytesOf(24, 2)])
    assert.equal(ring.lostWakeups, 0)
  })

  it('ends, when closed, after the messages that are there; nothing can be written to it then', async () => {
    const ring = new RingBuffer({ capacityBytes: 256 })
    ring.writeSync(bytesOf(5, 1))
    ring.writeSync(bytesOf(6, 2))
    ring.close()
    ring.abort() // it has ended already
    assert.equal(ring.isClosed, true)
    throwsCode(() => ring.tryWrite(bytesOf(1, 1)), 'ERR_RING_CLOSED')
    await rejectsCode(ring.write(bytesOf(1, 1)), 'ERR_RING_CLOSED')
    assert.deepEqual(ring.readSync(), bytesOf(5, 1))
    assert.deepEqual(await ring.read(), bytesOf(6, 2))
    assert.equal(ring.readSync(), undefined)
    assert.equal(await ring.read(), undefined)
    assert.equal(ring.tryRead(), undefined)
  })

  it('fails, when aborted, after the messages that are there', async () => {
    const ring = new RingBuffer({ capacityBytes: 256 })
    ring.writeSync(bytesOf(5, 1))
    ring.abort()
    throwsCode(() => ring.tryWrite(bytesOf(1, 1)), 'ERR_RING_ABORTED')
    assert.deepEqual(ring.tryRead(), bytesOf(5, 1))
    throwsCode(() => ring.tryRead(), 'ERR_RING_ABORTED')
    throwsCode(() => ring.readSync(), 'ERR_RING_ABORTED')
    await rejectsCode(ring.read(), 'ERR_RING_ABORTED')
  })

  it('wakes a thread that waits when it is closed or aborted, from whichever side', async () => {
    await using pool = new ThreadPool({ size: 1 })
    for (const form of ['sync', 'async'] as const) {
      for (const end of ['close', 'abort'] as const) {
        const full = new RingBuffer({ capacityBytes: 1024 })
        const writing = run<string>(pool, ops.writeOn, { ring: full.handle, form })
        while (full.usedBytes < 900) await turns()
        full[end]()
        assert.equal(await writing, end === 'close' ? 'ERR_RING_CLOSED' : 'ERR_RING_ABORTED')

        const empty = new RingBuffer({ capacityBytes: 1024 })
        const reading = run<[number, string]>(pool, ops.readOn, { ring: empty.handle, form })
        for (let count = 0; count < 20; count++) await empty.write(new Uint8Array(100))
        while (empty.usedBytes > 0) await turns()
        empty[end]()
        assert.deepEqual(await reading, [20, end === 'close' ? 'end' : 'ERR_RING_ABORTED'])
        assert.equal(full.lostWakeups + empty.lostWakeups, 0)
      }
    }
  })

  it('tells of a thread that dies by its time limit, or by the abort of whoever hears of the death', async () => {
    await using pool = new ThreadPool({ size: 1, maxDeaths: 1, graceMs: 0 })
    const ring = new RingBuffer({ capacityBytes: 64 })
    const aborted = new AbortController()
    const name = ops.writeAndHang.exportName
    const task = pool.run(ring.handle, { filename, name, signal: aborted.signal })
    assert.deepEqual(await ring.read(), new Uint8Array([7]))
    aborted.abort()
    await assert.rejects(task)
    throwsCode(() => ring.readSync({ timeoutMs: 20 }), 'ERR_TIMEOUT')
    const reading = ring.read()
    ring.abort()
    await rejectsCode(reading, 'ERR_RING_ABORTED')
  })

  it('refuses a second thread on a side', async () => {
    await using pool = new ThreadPool({ size: 1 })
    const ring = new RingBuffer({ capacityBytes: 64 })
    ring.writeSync(new Uint8Array(1))
    assert.equal(
      await run<string>(pool, ops.writeOn, { ring: ring.handle, form: 'sync' }),
      'ERR_BAD_STATE',
    )
    ring.close()
    const [count] = await run<[number, string]>(pool, ops.readOn, {
      ring: ring.handle,
      form: 'sync',
    })
    assert.equal(count, 1)
    throwsCode(() => ring.tryRead(), 'ERR_BAD_STATE', /thread \d+ reads from this ring/)
  })

  it('keeps a process alive while somebody waits for it, and else does not', async () => {
    const { code, stdout, stderr } = await runChild(`
      import { Worker } from 'node:worker_threads'
      import { RingBuffer } from 'spindle'
      const ring = new RingBuffer({ capacityBytes: 64 })
      const reading = ring.read()
      // A thread that does not count, and writes nothing: closes by hand what would be closed by
      // RingBuffer.close().
      const worker = new Worker(\`
        import('node:worker_threads').then(({ workerData }) => setTimeout(() => {
          const words = new Int32Array(workerData.ring)
          Atomics.store(words, 0, 1)
          Atomics.add(words, 49, 1)
          Atomics.notify(words, 49)
        }, 300))\`, { eval: true, workerData: ring.handle })
      worker.unref()
      console.log(await reading)
      globalThis.kept = new RingBuffer({ capacityBytes: 64 })
    `)
    assert.equal(stderr, '')
    assert.equal(stdout.trim(), 'undefined')
    assert.equal(code, 0)
  })
})

describe('spinning before a sleep', () => {
  const looksOf = (spin: SpinPolicy): number => {
    let looks = 0
    spin.for(() => {
      looks++
      return undefined
    })
    return looks
  }

  it('stops where it is in vain, tries again now and then, and comes back where it is not', () => {
    const spin = new SpinPolicy(50)
    for (let wait = 0; wait < 8; wait++) looksOf(spin)
    const later = Array.from({ length: 640 }, () => looksOf(spin))
    assert.equal(later.filter((looks) => looks > 0).length, 10)
    while (spin.for(() => 'found') === undefined);
    assert.ok(looksOf(spin) > 0)
  })

  it('is not done where it is not wanted, or where the cores are needed', () => {
    assert.equal(looksOf(new SpinPolicy(0)), 0)
    assert.equal(spinUsFor(Number.MAX_SAFE_INTEGER), 0)
    assert.equal(spinUsFor(0), 50)
  })
})
