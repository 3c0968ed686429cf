import type { Json } from './seekable.ts'

/**
 * The layouts of {@link PipelineState}. Layout 2 has `ranks` or `runs`, which earlier releases do
 * not know. States with other layouts are refused.
 */
export const STATE_VERSIONS = [1, 2] as const

/**
 * Which items of a resumable run are done and which are not: plain JSON, small. Pass it to
 * `build({ state })` to resume, or to `mergeStates()`. It has no other use.
 */
export interface PipelineState {
  readonly version: number
  readonly seed: number
  /** The stages, one line each. */
  readonly graph: readonly string[]
  /** The sources, in the order of the graph. */
  readonly sources: readonly SourceState[]
  /** Batches of which only a part was committed. */
  readonly batches?: readonly BatchState[]
  /** Items dropped because they failed, in this run and earlier ones. */
  readonly failures: number
}

/** The progress of one source. */
export interface SourceState {
  /** Identifies the data; see `SeekableSource.description`. */
  readonly dataset: Json
  /** The rank that these positions belong to. Absent: all positions. */
  readonly shard?: { readonly rank: number; readonly worldSize: number }
  /** Number of ranks whose states were merged. Absent: the state of one rank. */
  readonly ranks?: number
  /** Epochs that have begun and are not done. If none has begun: the first that is not done. */
  readonly epochs: readonly EpochState[]
}

/**
 * The progress of one epoch of a source. Positions are those of the whole epoch, over all ranks.
 */
export interface EpochState {
  readonly epoch: number
  /** All positions before this one are done. */
  readonly low: number
  /** Ranges of positions after `low` that are done: first, last, first, last, … */
  readonly done?: readonly number[]
  /** Positions after `low` that earlier runs did with other numbers of ranks. */
  readonly runs?: readonly DoneRun[]
  /**
   * For positions that are not done: their outputs that are done. `1.0` is the first output of the
   * second output.
   */
  readonly parts?: { readonly [position: string]: readonly string[] }
  /** Number of positions, when the source has reached its end. */
  readonly end?: number
}

/**
 * Positions that are done, over all ranks: `first`, `first + step`, … up to `last`. `last` is
 * `null` for an unknown end of the source. The step exists because a rank does every `worldSize`-th
 * position.
 */
export type DoneRun = readonly [first: number, last: number | null, step: number]

/** A batch that must be made again with the same members, because some of its outputs are done. */
export interface BatchState {
  /** Number of the aggregate in the graph, from 0. */
  readonly aggregate: number
  /**
   * The members: `source/epoch/position`, or `#n` for outputs of the n-th of these batches.
   * Positions of outputs follow, as in `0/0/17.2`.
   */
  readonly members: readonly string[]
  /** The outputs of the batch that are done. */
  readonly done: readonly string[]
}

/** The oldest layout that can hold these sources. */
export function versionOf(sources: readonly SourceState[]): number {
  const isNew = sources.some(
    ({ ranks, epochs }) => ranks !== undefined || epochs.some(({ runs }) => runs !== undefined),
  )
  return isNew ? 2 : 1
}
