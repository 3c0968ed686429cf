/** Any JSON value. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [name: string]: Json }

/**
 * A source that can start at any position of any epoch. Exact resume needs such a source, and the
 * transforms of `spindle/source` take and return them. The order of items depends only on the
 * source's arguments and the epoch, never on timing.
 *
 * Positions are those of the whole epoch, over all ranks: 0, 1, 2, … A rank of `worldSize` has the
 * positions with remainder `rank`. A run can therefore resume with another number of ranks, because
 * its state has positions and not ranks.
 */
export interface SeekableSource<T> {
  /**
   * Number of positions of an epoch, over all ranks. `undefined` if it is known only at the end.
   */
  readonly size: number | undefined
  /**
   * Identifies the items and their order: plain, short, and equal if and only if equal positions of
   * equal epochs hold equal items. Ranks are not part of it. A state saved under another
   * description is refused, and the error names the first difference.
   */
  readonly description: { readonly [name: string]: Json }
  /** The positions that belong to this rank. Default: all. */
  readonly shard?: { readonly rank: number; readonly worldSize: number } | undefined
  /**
   * This rank's items at positions >= `position` of an epoch, in order of position. Starting at a
   * late position must cost no more than at the start. `position` may be `size`, which gives no
   * items.
   */
  iterateFrom(position: number, epoch: number): Iterable<T> | AsyncIterable<T>
}

/** Whether a source can start at any position. */
export function isSeekable(source: unknown): source is SeekableSource<unknown> {
  if (source === null || typeof source !== 'object') return false
  const candidate = source as Partial<SeekableSource<unknown>>
  return typeof candidate.iterateFrom === 'function' && typeof candidate.description === 'object'
}
