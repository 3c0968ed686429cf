import { CallMemory } from '../memory/call-memory.ts'
import type { LeaseHandover } from '../memory/lease.ts'
import { SegmentPool, type SegmentPoolHandle } from '../memory/segment-pool.ts'

/**
 * A worker's access to its pool's shared memory. In a file of its own, which is loaded where there
 * is some: a thread starts sooner without.
 */
export interface CallMemories {
  /** See `SegmentPool.member`. */
  readonly member: number
  /** The memory of one call. @throws `ERR_STALE_VIEW` if memory of the item was given back. */
  forCall(leases: readonly LeaseHandover[] | undefined): CallMemory
}

/** Joins the pool that `handle` is of. */
export function openMemories(handle: SegmentPoolHandle): CallMemories {
  const memory = SegmentPool.attach(handle)
  return { member: memory.member, forCall: (leases) => new CallMemory(memory, leases) }
}
