import type { Report } from '../engine/report/report.ts'
import type { PipelineState } from '../engine/resume-state.ts'
import type { StopOptions } from '../engine/run/pipeline.ts'
import type { PipelineStats } from '../engine/stats/pipeline-stats.ts'
import { SpindleError } from '../errors.ts'
import type { LoaderState } from './loader-options.ts'

/** What runs the epochs of a loader, one at a time: here, or in a worker. */
export interface Epochs<T> {
  /** Number of the epoch that is under way, or of the next one. */
  readonly epoch: number
  /** Begins to load the next epoch, if none is under way that nobody iterates yet. */
  start(): void
  /** Iterates what {@link start} began, or the next epoch. One that is under way is given up. */
  begin(): EpochItems<T>
  /** The number of the epoch that begins next. @throws `ERR_BAD_STATE` while one is under way. */
  setEpoch(epoch: number): void
  stats(): Promise<PipelineStats>
  report(): Promise<Report>
  state(): LoaderState
  commit(batch: T): void
  stop(options: StopOptions): Promise<void>
}

/** The items of one epoch. */
export interface EpochItems<T> {
  readonly epoch: number
  next(): Promise<IteratorResult<T, undefined>>
  /**
   * Holds the thread while there is none. @throws `ERR_BAD_STATE` where that would wait for ever.
   */
  nextSync(): IteratorResult<T, undefined>
  /** Whether a newer iteration has ended this one. */
  isReplaced(): boolean
  /** All was given, or an error was: the next epoch may begin. */
  ended(hasFailed: boolean): void
  /** The consumer wants no more of it. */
  leave(): Promise<void>
}

/** An epoch of which all is done is the start of the next one. */
export function stateOf(epoch: number, pipeline: PipelineState): LoaderState {
  const isDone =
    pipeline.batches === undefined &&
    pipeline.sources.every(({ epochs }) =>
      epochs.every(({ low, end }) => end !== undefined && low >= end),
    )
  return isDone ? { epoch: epoch + 1 } : { epoch, pipeline }
}

export function nothingGiven(): SpindleError {
  return new SpindleError('ERR_BAD_STATE', 'no batch was given yet')
}

export function underWay(epoch: number, wish: string): SpindleError {
  return new SpindleError(
    'ERR_BAD_STATE',
    `epoch ${epoch} is under way: the next one can ${wish} when it has ended`,
  )
}
