import { leasesIn } from '../../memory/call-memory.ts'
import { type LeaseHandover, leaseOf } from '../../memory/lease.ts'
import type { SegmentPool } from '../../memory/segment-pool.ts'
import type { SharedViewConstructor } from '../../memory/shared-view.ts'
import { classOf, walk, withReplaced } from '../../transport/walk-value.ts'

/** Smaller arrays are as fast within the message, in bytes. */
const LEAST_BYTES = 4096

/**
 * Copies the arrays of items into a pool's memory. The module keeps its own arrays, and no new
 * memory is allocated.
 */
export class ArenaSender {
  readonly #pool: SegmentPool

  constructor(pool: SegmentPool) {
    this.#pool = pool
  }

  /**
   * The item with its large typed arrays in the pool's memory, as far as there is room. Arrays that
   * are already there stay.
   */
  place(item: unknown): unknown {
    if (typeof item !== 'object' || item === null) return item
    const placed = new Map<object, ArrayBufferView>()
    walk(item, (memory) => {
      const array = ArrayBuffer.isView(memory) ? this.#placeArray(memory) : undefined
      if (array !== undefined) placed.set(memory, array)
    })
    return placed.size === 0 ? item : withReplaced(item, placed)
  }

  /**
   * The leases to send with the item in the same message.
   *
   * @throws `ERR_STALE_VIEW` if memory of it was given back.
   */
  leasesOf(item: unknown): LeaseHandover[] {
    const { id } = this.#pool.handle
    return [...leasesIn(item)]
      .filter((lease) => lease.describe().pool === id)
      .map((lease) => lease.handOver())
  }

  /**
   * A copy in the pool's memory; `undefined` if the array need not be there or there is no room.
   */
  #placeArray(view: ArrayBufferView): ArrayBufferView | undefined {
    const { byteLength } = view
    if (view instanceof DataView || byteLength < LEAST_BYTES || byteLength > this.#pool.maxBytes)
      return undefined
    if (leaseOf(view) !== undefined) return undefined
    const lease = this.#pool.tryAllocate(byteLength)
    if (lease === undefined) return undefined
    const Type = (globalThis as unknown as Record<string, SharedViewConstructor<Uint8Array>>)[
      classOf(view)
    ]
    lease.bytes.set(new Uint8Array(view.buffer, view.byteOffset, byteLength))
    return lease.view(Type as SharedViewConstructor<Uint8Array>)
  }
}
