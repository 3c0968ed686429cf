import type { Report } from '../engine/report/report.ts'
import type { PipelineState } from '../engine/resume-state.ts'
import type { StopOptions } from '../engine/run/pipeline.ts'
import type { PipelineStats } from '../engine/stats/pipeline-stats.ts'
import { SpindleError } from '../errors.ts'
import type { LoaderState } from './loader-options.ts'

/** Runs the epochs of a loader, one at a time: on this loop, or in a worker. */
export interface Epochs<T> {
  /** Number of the epoch in progress, or of the next one. */
  readonly epoch: number
  /** Starts to load the next epoch, unless one was started that is not iterated yet. */
  start(): void
  /**
   * Iterates the epoch that {@link start} began, or the next one. An epoch in progress is given up.
   */
  begin(): EpochItems<T>
  /**
   * Sets the number of the next epoch.
   *
   * @throws `ERR_BAD_STATE` while an epoch is in progress.
   */
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
   * Blocks the thread while no item is ready.
   *
   * @throws `ERR_BAD_STATE` where that would deadlock.
   */
  nextSync(): IteratorResult<T, undefined>
  /** Whether a newer iteration has ended this one. */
  isReplaced(): boolean
  /** To be called after the last item or an error: the next epoch may begin. */
  ended(hasFailed: boolean): void
  /** Ends the epoch before its end. */
  leave(): Promise<void>
}

/** A finished epoch is saved as the start of the next one. */
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
