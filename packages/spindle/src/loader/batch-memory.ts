import { badOption } from '../check.ts'
import { checkOwn } from '../copies.ts'
import { SpindleError } from '../errors.ts'
import { boolean, is, type Rule } from '../options/index.ts'
import { type SegmentPool, segmentPoolRule } from '../workers/memory/segment-pool.ts'
import type { Data, DataConstructor } from './array.ts'

/** Where the arrays of a batch are stored. At most one of the three options may be given. */
export interface MemoryOptions {
  /**
   * Whether each array gets its own `SharedArrayBuffer`, which crosses threads without a copy and
   * which all threads can read. Default false.
   */
  readonly shared?: boolean
  /**
   * Pool from which the batch takes one lease. `SegmentPool.leaseOf(array.data)?.release()` gives
   * it back; otherwise the garbage collector does.
   */
  readonly pool?: SegmentPool
  /**
   * Memory to write to. Arrays are stored one after the other, each at a multiple of 64 bytes. The
   * previous content is overwritten.
   */
  readonly into?: ArrayBufferLike | ArrayBufferView
}

/** The rules of {@link MemoryOptions}. */
export const memoryRules: {
  readonly shared: Rule<boolean, 'maybe'>
  readonly pool: Rule<SegmentPool, 'maybe'>
  readonly into: Rule<ArrayBufferLike | ArrayBufferView, 'maybe'>
} = {
  shared: boolean(),
  pool: segmentPoolRule,
  into: is('a buffer or a view of one', isMemory),
}

function isMemory(value: unknown): boolean {
  return (
    value instanceof ArrayBuffer || value instanceof SharedArrayBuffer || ArrayBuffer.isView(value)
  )
}

/** Alignment of arrays that share memory, in bytes: vector instructions are fastest with it. */
const ALIGNMENT = 64

/** Memory for arrays whose sizes are known. */
export interface BatchMemory {
  /** Whether the memory is all zeros. */
  readonly isFresh: boolean
  take(Data: DataConstructor, length: number): Data
}

/** Bytes that arrays of these sizes take in one block of memory, with alignment. */
export function alignedBytes(sizes: readonly number[]): number {
  return sizes.reduce((sum, bytes) => align(sum) + bytes, 0)
}

function align(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT
}

/** Checks options that keep to {@link memoryRules}. @throws `ERR_BAD_OPTION` */
export function checkMemory({ shared, pool, into }: MemoryOptions): void {
  if (pool !== undefined) checkOwn('pool', pool, 'SegmentPool')
  const given = [shared === true, pool !== undefined, into !== undefined].filter(Boolean).length
  if (given > 1) badOption('shared', 'given without `pool` and `into`: only one of them', 'several')
}

/**
 * @throws `ERR_TOO_LARGE` if `into` is too small; `ERR_POOL_FULL` or `ERR_TOO_LARGE` if the pool
 *   has no room.
 */
export function batchMemory(
  { shared = false, pool, into }: MemoryOptions,
  sizes: readonly number[],
): BatchMemory {
  if (into !== undefined) return within(into, sizes)
  if (pool !== undefined)
    return within(pool.allocate(Math.max(1, alignedBytes(sizes))).bytes, sizes)
  return {
    isFresh: true,
    take: (Data, length) =>
      shared
        ? new Data(new SharedArrayBuffer(length * Data.BYTES_PER_ELEMENT), 0, length)
        : new Data(length),
  }
}

function within(into: ArrayBufferLike | ArrayBufferView, sizes: readonly number[]): BatchMemory {
  const { buffer, byteOffset, byteLength } = ArrayBuffer.isView(into)
    ? into
    : { buffer: into, byteOffset: 0, byteLength: into.byteLength }
  if (byteOffset % 8 !== 0)
    badOption('into', 'a view that begins at a multiple of 8 bytes', byteOffset)
  const needed = alignedBytes(sizes)
  if (needed > byteLength) {
    const advice = 'collatedBytes(records, options) returns the size beforehand'
    throw new SpindleError(
      'ERR_TOO_LARGE',
      `the batch takes ${needed} bytes, \`into\` has ${byteLength}: ${advice}`,
    )
  }
  let end = 0
  return {
    isFresh: false,
    take(Data, length) {
      const start = align(end)
      end = start + length * Data.BYTES_PER_ELEMENT
      return new Data(buffer, byteOffset + start, length)
    },
  }
}
