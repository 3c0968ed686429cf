import { CallMemory } from '../memory/call-memory.ts'
import type { LeaseHandover } from '../memory/lease.ts'
import { SegmentPool, type SegmentPoolHandle } from '../memory/segment-pool.ts'

/**
 * A worker's access to the shared memory of its pool. It is a module of its own that is only loaded
 * for pools with shared memory, because threads start faster without it.
 */
export interface CallMemories {
  /** See `SegmentPool.member`. */
  readonly member: number
  /**
   * The memory for one call.
   *
   * @throws `ERR_STALE_VIEW` if memory of the item was given back.
   */
  forCall(leases: readonly LeaseHandover[] | undefined): CallMemory
}

/** Joins the segment pool of `handle`. */
export function openMemories(handle: SegmentPoolHandle): CallMemories {
  const memory = SegmentPool.attach(handle)
  return { member: memory.member, forCall: (leases) => new CallMemory(memory, leases) }
}
