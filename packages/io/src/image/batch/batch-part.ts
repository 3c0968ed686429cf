import type { DataOf } from '../../base/array.ts'
import type { Fault } from '../../base/errors.ts'
import type { FillJob } from '../load-image-in-thread.ts'
import type { ImageDType } from '../pixel-format.ts'

/** A part of a batch: some of its sources. */
export interface PartJob extends FillJob {
  /** Index of the part. */
  readonly part: number
  /** Start of each part, in images of the whole batch. */
  readonly starts: readonly number[]
  /**
   * The memory that all parts fill, and the first element of this part. Without it, this is the
   * only part and has its own memory.
   */
  readonly shared: { readonly memory: SharedArrayBuffer; readonly at: number } | undefined
  /** See {@link WANTED}. */
  readonly control: Int32Array
  /** Whether the last part to end copies the batch to memory that is not shared. */
  readonly isCopied: boolean
}

// The parts of a batch and their caller share these numbers:
/**
 * number of parts that are still needed, from the first: smaller after a failure that decides, 0 if
 * the batch is abandoned;
 */
export const WANTED = 0
/** number of parts that have not ended; */
export const RUNNING = 1
/** and for each part its number of good images. */
export const COUNTS = 2

/** The result of a part. Its good images are at the beginning of its place. */
export interface FilledPart {
  readonly faults: readonly (Fault & { readonly index: number })[]
  /**
   * The memory of the batch, if it is not shared: from its only part, or from the last part to end.
   */
  readonly data: DataOf[ImageDType] | undefined
}

/** Moves the good images of all parts together; `out` may be the same memory. */
export function joinParts(
  from: DataOf[ImageDType],
  at: number,
  size: number,
  starts: readonly number[],
  counts: readonly number[],
  out: DataOf[ImageDType],
): void {
  let done = 0
  for (const [part, count] of counts.entries()) {
    const first = at + starts[part]! * size
    out.set(from.subarray(first, first + count * size), done * size)
    done += count
  }
}
