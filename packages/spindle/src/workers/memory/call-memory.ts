import { markMovable } from '../transport/movable.ts'
import { type Memory, walk } from '../transport/walk-value.ts'
import { type Lease, type LeaseHandover, leaseOf } from './lease.ts'
import type { SegmentPool } from './segment-pool.ts'

// How items and results of ops in workers are passed in pooled memory, without a copy. Views of
// shared memory can be sent as they are. The leases that they belong to are sent in the same
// message.
//
//   worker  const memory = new CallMemory(pool, message.leases)
//           op(message.item, { …, alloc: (byteLength) => memory.alloc(byteLength) })
//           post({ result, leases: memory.handOver(result) })     throws if the result is stale; costs nothing where nothing was allocated
//           memory.drop()                                          instead, if the op failed or the message could not be sent
//   pool    const memory = ItemMemory.of(item)                     undefined for most
//           post({ item, leases: memory?.leases ?? [] })
//           takeLeases(pool, message.leases, memory)               before the caller gets the result
//           dropLeases(pool, message.leases, memory)               instead, if the result is not wanted any more
//           pool.reclaim(member)                                   when a worker has ended, after its last message

/** A worker's side of one call. */
export class CallMemory {
  readonly #pool: SegmentPool | undefined
  readonly #borrowed: readonly Lease[]
  readonly #own: Lease[] = []

  /** @throws `ERR_STALE_VIEW` if memory of the item was given back. */
  constructor(pool: SegmentPool | undefined, leases: readonly LeaseHandover[] = []) {
    this.#pool = pool
    this.#borrowed =
      pool === undefined
        ? []
        : leases.map(({ descriptor, buffer }) => pool.borrow(descriptor, buffer))
  }

  /**
   * Uninitialised bytes for the op's result, aligned to 64. They come from the pool if it has room,
   * else from ordinary memory, so an op never waits for the readers of its results. Memory that is
   * not in the result is given back when the call ends.
   */
  alloc(byteLength: number): Uint8Array {
    const pool = this.#pool
    const lease =
      pool !== undefined && byteLength <= pool.maxBytes ? pool.tryAllocate(byteLength) : undefined
    if (lease === undefined) {
      const bytes = new Uint8Array(byteLength)
      markMovable(bytes.buffer)
      return bytes
    }
    this.#own.push(lease)
    return lease.bytes
  }

  /**
   * The leases that the result has views of; all others are given back.
   *
   * @throws `ERR_STALE_VIEW` if one was given back already.
   */
  handOver(result: unknown): LeaseHandover[] {
    if (this.#own.length + this.#borrowed.length === 0) return []
    const found = leasesIn(result)
    for (const lease of this.#own) if (!found.has(lease)) lease.release()
    return [
      ...this.#own.filter((lease) => found.has(lease)).map((lease) => lease.handOver()),
      ...this.#borrowed.filter((lease) => found.has(lease)).map((lease) => lease.lend()),
    ]
  }

  /** Gives back what was allocated. */
  drop(): void {
    for (const lease of this.#own) lease.release()
  }
}

/**
 * The pool's side of one item in pooled memory. The item keeps the memory until the call has ended,
 * even if it is run again.
 */
export class ItemMemory {
  /** Leases to send with the item. */
  readonly leases: readonly LeaseHandover[]
  readonly #lent: readonly Lease[]

  private constructor(lent: readonly Lease[]) {
    this.#lent = lent
    this.leases = lent.map((lease) => lease.lend())
  }

  /**
   * `undefined` if the item has no views of a pool's memory.
   *
   * @throws `ERR_STALE_VIEW` if such memory was given back.
   */
  static of(item: unknown): ItemMemory | undefined {
    const found = leasesIn(item)
    return found.size === 0 ? undefined : new ItemMemory([...found])
  }

  /**
   * The item's lease that came back with a result, which means that the result is in memory of the
   * item.
   */
  find({ descriptor: { segment, offset, generation } }: LeaseHandover): Lease | undefined {
    return this.#lent.find((_lease, at) => {
      const known = (this.leases[at] as LeaseHandover).descriptor
      return known.segment === segment && known.offset === offset && known.generation === generation
    })
  }
}

/**
 * Makes the views in a result keep these leases, which arrived with it.
 *
 * @throws `ERR_STALE_VIEW` if one was given back.
 */
export function takeLeases(
  pool: SegmentPool,
  leases: readonly LeaseHandover[],
  item?: ItemMemory,
): void {
  for (const lease of leases) {
    const lent = item?.find(lease)
    if (lent === undefined) pool.adopt(lease)
    else lent.join(lease.buffer)
  }
}

/** Gives back the leases of an unwanted result, except those of the item itself. */
export function dropLeases(
  pool: SegmentPool,
  leases: readonly LeaseHandover[],
  item?: ItemMemory,
): void {
  for (const lease of leases) if (item?.find(lease) === undefined) pool.discard(lease.descriptor)
}

/**
 * The leases whose memory a value has views of.
 *
 * @throws {CannotCross} and errors of getters in the value.
 */
export function leasesIn(value: unknown): Set<Lease> {
  const found = new Set<Lease>()
  const visit = (memory: Memory): void => {
    const lease = ArrayBuffer.isView(memory) ? leaseOf(memory) : undefined
    if (lease !== undefined) found.add(lease)
  }
  if (typeof value === 'object' && value !== null) walk(value, visit)
  return found
}
