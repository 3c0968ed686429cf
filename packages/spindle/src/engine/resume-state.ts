import type { Json } from './seekable.ts'

/**
 * The layout of {@link PipelineState}: 1, and 2 for one that has `ranks` or `runs`, which earlier
 * releases do not know. A state of another is refused.
 */
export const STATE_VERSIONS = [1, 2] as const

/**
 * What is done and what is not, of a run that can be resumed: plain JSON, small. Give it to
 * `build({ state })` to go on. Of use only to that, and to `mergeStates()`.
 */
export interface PipelineState {
  readonly version: number
  readonly seed: number
  /** The stages, a line each. */
  readonly graph: readonly string[]
  /** In the order in which the graph has them. */
  readonly sources: readonly SourceState[]
  /** Batches of which a part was committed and another was not. */
  readonly batches?: readonly BatchState[]
  /** Items dropped because they failed, in this run and those before it. */
  readonly failures: number
}

/** How far one source is done. */
export interface SourceState {
  /** What it loads; see `SeekableSource.description`. */
  readonly dataset: Json
  /** Whose positions these are. Absent: everybody's. */
  readonly shard?: { readonly rank: number; readonly worldSize: number }
  /** Of how many ranks the states were joined. Absent: it is that of one. */
  readonly ranks?: number
  /** Epochs that are begun and not done; the first one not done, if none is begun. */
  readonly epochs: readonly EpochState[]
}

/**
 * How far one epoch of a source is done. Positions are those of the whole epoch, over all ranks.
 */
export interface EpochState {
  readonly epoch: number
  /** All positions before it are done. */
  readonly low: number
  /** Runs of positions behind it that are done: first, last, first, last, … */
  readonly done?: readonly number[]
  /** What earlier runs did on other numbers of ranks, behind `low` too. */
  readonly runs?: readonly DoneRun[]
  /**
   * Of positions that are not done: the outputs that are, as `1.0` for the first output of the
   * second.
   */
  readonly parts?: { readonly [position: string]: readonly string[] }
  /** How many positions there are, once the source has come to its end. */
  readonly end?: number
}

/**
 * Positions that are done, over all ranks: `first`, `first + step`, … up to `last`; `null` for the
 * end of the source, where that is not known. A rank leaves every `worldSize`-th position.
 */
export type DoneRun = readonly [first: number, last: number | null, step: number]

/** A batch that must be made again as it was, for some of what came of it is done. */
export interface BatchState {
  /** Which aggregate of the graph made it, counted from 0. */
  readonly aggregate: number
  /**
   * What was joined: `source/epoch/position`, or `#n` for what came of the n-th of these batches;
   * then the outputs on the way, as in `0/0/17.2`.
   */
  readonly members: readonly string[]
  /** What is done of what came of it. */
  readonly done: readonly string[]
}

/** The layout that says all that a state has to. */
export function versionOf(sources: readonly SourceState[]): number {
  const isNew = sources.some(
    ({ ranks, epochs }) => ranks !== undefined || epochs.some(({ runs }) => runs !== undefined),
  )
  return isNew ? 2 : 1
}
