import { makeReport, type Report } from '../engine/report/report.ts'
import type { PipelineState } from '../engine/resume-state.ts'
import type { StopOptions } from '../engine/run/pipeline.ts'
import type { PipelineStats } from '../engine/stats/pipeline-stats.ts'
import { SpindleError } from '../errors.ts'
import { noStats } from '../workers/pipelines/hosted-pipeline.ts'
import type { LoaderOptions, LoaderState } from './loader-options.ts'

/** The pipeline of an epoch, here or in a worker. */
interface EpochPipeline<T> {
  stats(): PipelineStats | Promise<PipelineStats>
  report(): Report | Promise<Report>
  commit(batch: T): void
  stop(options?: StopOptions): Promise<void>
}

/** The steps of a pipeline that has just been iterated. */
export interface EpochSteps<T> {
  next(): Promise<IteratorResult<T, undefined>>
  /**
   * Blocks the thread while no item is ready.
   *
   * @throws `ERR_BAD_STATE` where that would deadlock.
   */
  nextSync(): IteratorResult<T, undefined>
}

/** The items of one epoch. */
export interface EpochItems<T> extends EpochSteps<T> {
  readonly epoch: number
  /** Whether a newer iteration has ended this one. */
  isReplaced(): boolean
  /** To be called after the last item or an error: the next epoch may begin. */
  ended(hasFailed: boolean): void
  /** Ends the epoch before its end. */
  leave(): Promise<void>
}

/**
 * Runs the epochs of a loader, one at a time: on this loop, or in a worker.
 *
 * `pipeline` is the last pipeline that was made. It is kept until the next one begins, for its
 * statistics and its state. `isUnderWay` is true from the begin of its iteration until its epoch
 * ends or is left.
 */
export abstract class Epochs<T, P extends EpochPipeline<T> = EpochPipeline<T>> {
  /** Number of the epoch in progress, or of the next one. */
  epoch: number
  protected readonly source: unknown
  protected readonly options: LoaderOptions
  protected pipeline: P | undefined
  protected isUnderWay = false
  /** Where the first epoch continues. */
  protected firstState: LoaderState | undefined

  constructor(source: unknown, options: LoaderOptions) {
    this.source = source
    this.options = options
    this.firstState = options.state
    this.epoch = options.state?.epoch ?? options.epoch ?? 0
  }

  /** Starts to load the next epoch, unless one was started that is not iterated yet. */
  abstract start(): void

  /**
   * Iterates the epoch that {@link start} began, or the next one. An epoch in progress is given up.
   */
  begin(): EpochItems<T> {
    const pipeline = this.prepare()
    this.isUnderWay = true
    const { next, nextSync } = this.iterate(pipeline)
    const isCurrent = (): boolean => this.isUnderWay && this.pipeline === pipeline
    return {
      epoch: this.epoch,
      next,
      nextSync,
      isReplaced: () => this.pipeline !== pipeline,
      ended: (hasFailed) => {
        if (isCurrent()) this.ended(hasFailed)
      },
      leave: async () => {
        if (isCurrent()) this.left()
        await pipeline.stop()
      },
    }
  }

  /** The pipeline of the next epoch. */
  protected abstract prepare(): P
  protected abstract iterate(pipeline: P): EpochSteps<T>

  protected ended(_hasFailed: boolean): void {
    this.over()
  }

  /** The epoch in progress is left before its end. */
  protected left(): void {
    this.over()
  }

  protected over(): void {
    this.isUnderWay = false
    this.epoch++
  }

  /**
   * Sets the number of the next epoch.
   *
   * @throws `ERR_BAD_STATE` while an epoch is in progress.
   */
  setEpoch(epoch: number): void {
    if (this.isUnderWay) throw this.underWay('have its number set')
    this.epoch = epoch
    this.firstState = undefined
  }

  async stats(): Promise<PipelineStats> {
    return (await this.pipeline?.stats()) ?? noStats
  }

  async report(): Promise<Report> {
    return (await this.pipeline?.report()) ?? makeReport(noStats, [])
  }

  abstract state(): LoaderState

  commit(batch: T): void {
    if (this.pipeline === undefined)
      throw new SpindleError('ERR_BAD_STATE', 'no batch was delivered yet')
    this.pipeline.commit(batch)
  }

  abstract stop(options: StopOptions): Promise<void>

  protected underWay(wish: string): SpindleError {
    return new SpindleError(
      'ERR_BAD_STATE',
      `epoch ${this.epoch} is in progress: the next one can ${wish} after its end`,
    )
  }
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
