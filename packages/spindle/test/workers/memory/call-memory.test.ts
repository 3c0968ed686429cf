import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SegmentPool } from 'spindle'
import {
  CallMemory,
  dropLeases,
  ItemMemory,
  leasesIn,
  takeLeases,
} from '../../../src/workers/memory/call-memory.ts'
import { throwsCode } from '../../support/consume.ts'
import { turns, until } from '../../support/gates.ts'

// What passes between a pool of workers and a worker; a message is what `structuredClone` makes of
// it.
const send = structuredClone
const pair = () => {
  const pool = new SegmentPool({ segmentBytes: 2 ** 16, maxBytes: 2 ** 17 })
  return { pool, worker: new SegmentPool(pool.handle) }
}
const collect = (globalThis as { gc?: () => void }).gc as () => void

describe('memory for the result of a call', () => {
  it('crosses with the result, and goes back with the last view there, or when it is released', async () => {
    const { pool, worker } = pair()
    const memory = new CallMemory(worker)
    const bytes = memory.alloc(8)
    bytes.fill(7)
    const twice = new Uint16Array(bytes.buffer, bytes.byteOffset, 2)
    const unused = memory.alloc(3000)
    const result = { label: 'a', parts: new Map([['x', [bytes, twice]]]) }
    const message = send({ result, leases: memory.handOver(result) })
    assert.equal(SegmentPool.leaseOf(unused)?.isLive, false)
    takeLeases(pool, message.leases)
    const [arrived, also] = message.result.parts.get('x') as [Uint8Array, Uint16Array]
    assert.deepEqual([...arrived, ...also], [7, 7, 7, 7, 7, 7, 7, 7, 0x707, 0x707])
    bytes[0] = 1 // the same memory
    assert.equal(arrived[0], 1)
    assert.equal(SegmentPool.leaseOf(arrived), SegmentPool.leaseOf(also))
    assert.equal(pool.stats().usedBytes, 1024)
    assert.equal(SegmentPool.leaseOf(also)?.release(), true)
    assert.equal(pool.stats().usedBytes, 0)
  })

  it('is ordinary memory where the pool has none left, or never so much, or there is no pool', () => {
    const { worker, pool } = pair()
    const all = pool.allocate(2 ** 17)
    for (const memory of [new CallMemory(worker), new CallMemory(undefined)]) {
      const bytes = [memory.alloc(10), memory.alloc(2 ** 18)]
      assert.deepEqual(
        bytes.map(({ buffer }) => buffer instanceof ArrayBuffer),
        [true, true],
      )
      assert.deepEqual(memory.handOver({ bytes }), [])
    }
    all.release()
  })

  it('goes back when the call fails, or nobody wants the result', () => {
    const { pool, worker } = pair()
    const failed = new CallMemory(worker)
    failed.alloc(10)
    failed.drop()
    const unwanted = new CallMemory(worker)
    const bytes = unwanted.alloc(10)
    dropLeases(pool, send(unwanted.handOver(bytes)))
    assert.equal(pool.stats().usedBytes, 0)
    // A message that could not be sent.
    const unsent = new CallMemory(worker)
    unsent.handOver(unsent.alloc(10))
    unsent.drop()
    assert.equal(pool.stats().usedBytes, 0)
    // A worker that died.
    const dead = new CallMemory(worker)
    dead.handOver(dead.alloc(10))
    assert.equal(pool.reclaim(worker.member), 1)
    assert.equal(pool.stats().usedBytes, 0)
  })

  it('that an op has given back itself cannot be its result', () => {
    const { worker } = pair()
    const memory = new CallMemory(worker)
    const bytes = memory.alloc(10)
    SegmentPool.leaseOf(bytes)?.release()
    throwsCode(() => memory.handOver({ bytes }), 'ERR_STALE_VIEW')
  })
})

describe('items in a pool\u2019s memory', () => {
  it('are lent to the worker: their memory stays theirs, and what is passed on keeps it', async () => {
    const { pool, worker } = pair()
    let kept: Uint8Array | undefined
    await (async () => {
      const item = { pixels: pool.allocateArray(Uint8Array, 100), label: 5 }
      item.pixels.fill(3)
      const memory = ItemMemory.of(item)
      for (const attempt of [1, 2]) {
        // The first worker dies, and with it nothing of the item.
        const call = new CallMemory(worker, send({ item, leases: memory!.leases }).leases)
        assert.equal(pool.reclaim(worker.member), 0)
        if (attempt === 1) call.drop()
      }
      const message = send({ item, leases: memory!.leases })
      const call = new CallMemory(worker, message.leases)
      const extra = call.alloc(4)
      const result = { part: message.item.pixels.subarray(10, 20), extra }
      const reply = send({ result, leases: call.handOver(result) })
      assert.equal(reply.leases.length, 2)
      takeLeases(pool, reply.leases, memory)
      assert.equal(SegmentPool.leaseOf(reply.result.part), SegmentPool.leaseOf(item.pixels))
      kept = reply.result.part
    })()
    await until(() => {
      collect()
      return pool.stats().collected === 1 // what was extra
    })
    for (let round = 0; round < 3; round++) {
      collect()
      await turns(3)
    }
    assert.equal(SegmentPool.leaseOf(kept!)?.isLive, true)
    kept = undefined
    await until(() => {
      collect()
      return pool.stats().collected === 2
    })
    assert.equal(pool.stats().usedBytes, 0)
  })

  it('are not given back with a result of theirs that nobody wants', () => {
    const { pool, worker } = pair()
    const item = pool.allocateArray(Uint8Array, 10)
    const memory = ItemMemory.of(item)
    const message = send({ item, leases: memory!.leases })
    const call = new CallMemory(worker, message.leases)
    dropLeases(pool, send(call.handOver(message.item)), memory)
    assert.equal(SegmentPool.leaseOf(item)?.isLive, true)
    SegmentPool.leaseOf(item)?.release()
    throwsCode(() => ItemMemory.of(item), 'ERR_STALE_VIEW')
    throwsCode(() => new CallMemory(worker, message.leases), 'ERR_STALE_VIEW')
  })

  it('are found wherever the views lie, and cost nothing else', () => {
    const { pool } = pair()
    const [a, b, c] = [1, 2, 3].map(() => pool.allocateArray(Uint8Array, 10)) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ]
    const item: Record<string, unknown> = {
      list: [{ a }],
      map: new Map([[b, new Set([c])]]),
      other: new Uint8Array(3),
    }
    item.self = item
    assert.deepEqual(leasesIn(item), new Set([a, b, c].map((view) => SegmentPool.leaseOf(view))))
    for (const none of [
      undefined,
      null,
      5,
      'text',
      { path: 'x' },
      new Uint8Array(3),
      new SharedArrayBuffer(4),
    ])
      assert.equal(ItemMemory.of(none), undefined)
  })
})
