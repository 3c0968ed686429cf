/** What JSON can say. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [name: string]: Json }

/**
 * A source that can begin anywhere, in any epoch: what exact resume needs, and what the transforms
 * of sources (`spindle/source`) are made of and make. Its order is a function of its arguments and
 * the epoch, never of timing.
 *
 * Positions are those of the whole epoch, over all ranks: 0, 1, 2, … A rank of `worldSize` has
 * those that leave the remainder `rank`. So a run may go on with another number of ranks: what was
 * done is told by positions, not by ranks.
 */
export interface SeekableSource<T> {
  /** How many positions an epoch has, over all ranks. `undefined` where only the end will tell. */
  readonly size: number | undefined
  /**
   * What is loaded and in which order: plain, short, and equal if and only if equal positions of
   * equal epochs hold equal items. Ranks are not in it. A state saved under another description is
   * refused, and the first difference is named.
   */
  readonly description: { readonly [name: string]: Json }
  /** Which of the positions are this one's. Default: all. */
  readonly shard?: { readonly rank: number; readonly worldSize: number } | undefined
  /**
   * This rank's items at positions >= `position` of an epoch, in order of position. Beginning costs
   * no more at the end than at the start. `position` may be `size`, which gives nothing.
   */
  iterateFrom(position: number, epoch: number): Iterable<T> | AsyncIterable<T>
}

/** Whether a source can begin anywhere. */
export function isSeekable(source: unknown): source is SeekableSource<unknown> {
  if (source === null || typeof source !== 'object') return false
  const candidate = source as Partial<SeekableSource<unknown>>
  return typeof candidate.iterateFrom === 'function' && typeof candidate.description === 'object'
}
