import type { DataOf } from '../../base/array.ts'
import type { Fault } from '../../base/errors.ts'
import type { FillJob } from '../load-image-in-thread.ts'
import type { ImageDType } from '../pixel-format.ts'

/** Some of the sources of a batch. */
export interface PartJob extends FillJob {
  /** Which part it is. */
  readonly part: number
  /** Where each part's place begins, in images of the whole batch. */
  readonly starts: readonly number[]
  /**
   * The memory that all parts fill, from which element on. Without, this is the only part, and gets
   * memory of its own.
   */
  readonly shared: { readonly memory: SharedArrayBuffer; readonly at: number } | undefined
  /** See {@link WANTED}. */
  readonly control: Int32Array
  /** Whether the part that ends last copies the batch to memory that is not shared. */
  readonly isCopied: boolean
}

// What the parts of a batch and their caller tell each other:
/**
 * how many of the parts are still wanted, from the first: fewer when one failed and that decides, 0
 * when the batch is given up;
 */
export const WANTED = 0
/** how many have not ended; */
export const RUNNING = 1
/** and for each part how many good images it has. */
export const COUNTS = 2

/** What came of a part; its good images lie at the beginning of its place. */
export interface FilledPart {
  readonly faults: readonly (Fault & { readonly index: number })[]
  /**
   * The batch's memory, where it is not shared: from its only part, or from the one that ended
   * last.
   */
  readonly data: DataOf[ImageDType] | undefined
}

/** Puts the good images of all parts one behind the other; `out` may be the same memory. */
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
