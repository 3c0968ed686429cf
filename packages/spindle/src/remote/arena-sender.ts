import { leasesIn } from '../placement/memory/call-memory.ts'
import { type LeaseHandover, leaseOf } from '../placement/memory/lease.ts'
import type { SegmentPool } from '../placement/memory/segment-pool.ts'
import type { SharedViewConstructor } from '../placement/memory/shared-view.ts'

/** Smaller arrays cross as quickly in the message itself, in bytes. */
const LEAST_BYTES = 4096

/** Puts the arrays of items into a pool's memory: what the module gave stays its own, and nothing is allocated for it. */
export class ArenaSender {
  readonly #pool: SegmentPool

  constructor(pool: SegmentPool) {
    this.#pool = pool
  }

  /** The item with its large typed arrays in the pool's memory, as far as that has room; those that lie there already stay. */
  place(item: unknown): unknown {
    return this.#place(item, new Map())
  }

  /** What has to travel with the item in the same message. @throws `ERR_STALE_VIEW` if memory of it was given back. */
  leasesOf(item: unknown): LeaseHandover[] {
    const { id } = this.#pool.handle
    return [...leasesIn(item)]
      .filter((lease) => lease.describe().pool === id)
      .map((lease) => lease.handOver())
  }

  #place(value: unknown, memo: Map<object, unknown>): unknown {
    if (typeof value !== 'object' || value === null) return value
    if (memo.has(value)) return memo.get(value)
    if (ArrayBuffer.isView(value)) {
      const placed = this.#placeArray(value)
      memo.set(value, placed)
      return placed
    }
    if (Array.isArray(value)) {
      const list: unknown[] = []
      memo.set(value, list)
      for (const member of value) list.push(this.#place(member, memo))
      return list
    }
    if (value instanceof Map) {
      const map = new Map<unknown, unknown>()
      memo.set(value, map)
      for (const [key, member] of value) map.set(key, this.#place(member, memo))
      return map
    }
    if (Object.prototype.toString.call(value) !== '[object Object]') return value
    const record: Record<string, unknown> = {}
    memo.set(value, record)
    for (const [key, member] of Object.entries(value)) record[key] = this.#place(member, memo)
    return record
  }

  #placeArray(view: ArrayBufferView): ArrayBufferView {
    const { byteLength } = view
    if (view instanceof DataView || byteLength < LEAST_BYTES || byteLength > this.#pool.maxBytes) return view
    if (leaseOf(view) !== undefined) return view
    const lease = this.#pool.tryAllocate(byteLength)
    if (lease === undefined) return view
    // The tag and not the constructor: a `Buffer` arrives as a `Uint8Array`, as cloning has it.
    const name = Object.prototype.toString.call(view).slice(8, -1)
    const Type = (globalThis as unknown as Record<string, SharedViewConstructor<Uint8Array>>)[name]
    lease.bytes.set(new Uint8Array(view.buffer, view.byteOffset, byteLength))
    return lease.view(Type as SharedViewConstructor<Uint8Array>)
  }
}
