import type { Output } from '../builder/builder-types.ts'
import type { PipelineConfig } from '../engine/config.ts'
import type { Report } from '../engine/report/report.ts'
import type { Pipeline, StopOptions } from '../engine/run/pipeline.ts'
import type { PipelineStats } from '../engine/stats/pipeline-stats.ts'
import type { BuildOptions } from '../engine/types.ts'
import { Loader, type LoaderProgress } from './loader.ts'
import type {
  AggregateLoaderOptions,
  AnyLoaderOptions,
  BatchLoaderOptions,
  Grouped,
  LoaderOp,
  LoaderSource,
  LoaderState,
  SampleLoaderOptions,
  WithCollate,
} from './loader-options.ts'

/** Loads a data set, epoch after epoch. See {@link DataLoader}. */
export interface DataLoader<T> extends AsyncIterable<T>, Iterable<T>, AsyncDisposable {
  /**
   * Number of batches per epoch, if the source knows its size and batches have a fixed number of
   * samples; otherwise `undefined`. The real number is lower if `preprocess` drops items or items
   * fail.
   */
  readonly length: number | undefined
  /** Number of the epoch in progress, or of the next one. */
  readonly epoch: number
  readonly progress: LoaderProgress
  /**
   * The batches of the next epoch, or of the epoch that `start()` began. Leaving the loop ends the
   * epoch; a time-out does not.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined>
  /**
   * The same for a plain `for`, only with `placement: 'worker'`. Blocks this thread while no batch
   * is ready.
   */
  [Symbol.iterator](): IterableIterator<T, undefined>
  /**
   * Starts to load the next epoch before it is consumed, e.g. while a model is validated.
   *
   * @throws `ERR_BAD_STATE` while an epoch is in progress.
   */
  start(): void
  /**
   * Sets the number of the next epoch, which decides its order and its random numbers.
   *
   * @throws `ERR_BAD_STATE` while an epoch is in progress.
   */
  setEpoch(epoch: number): void
  /** Counts and times of the epoch in progress, or of the last one. */
  stats(): Promise<PipelineStats>
  /**
   * Names the stage that limits the throughput of that epoch. `String(report)` gives a readable
   * text.
   */
  report(): Promise<Report>
  /** Where to continue after a crash, as JSON. Needs `resumable`. */
  state(): LoaderState
  /**
   * Marks a batch as done. Needs `resumable`. Without this call, a batch counts as done when the
   * next one is requested.
   */
  commit(batch: T): void
  /**
   * Ends the epoch in progress, as `Pipeline.stop()` does, and ends the threads. The loader can be
   * iterated again.
   */
  stop(options?: StopOptions): Promise<void>
  /**
   * Builds the pipeline of the next epoch for a caller that runs it itself, as
   * `runPipelineInWorker()` does with a module that exports a loader.
   */
  build(options?: BuildOptions): Pipeline<T>
  /** The configuration of that pipeline. */
  getConfig(): PipelineConfig<T>
}

/** Constructor of loaders. Types follow from the options. */
export interface DataLoaderConstructor {
  // The first two are for a generic `collate`, such as the one of this package. Compilers find its
  // types only if what it gets depends on nothing that is still to be found.
  new <S, C, T = C>(
    source: LoaderSource<S>,
    options: WithCollate<BatchLoaderOptions<S, S, C, T>, S, C> & {
      readonly preprocess?: undefined
    },
  ): DataLoader<Output<T>>
  new <S, R, C, T = C>(
    source: LoaderSource<S>,
    options: WithCollate<BatchLoaderOptions<S, R, C, T>, R, C> & {
      readonly preprocess: LoaderOp<S, R>
    },
  ): DataLoader<Output<T>>
  new <S, R = S, C = Output<R>[], T = C>(
    source: LoaderSource<S>,
    options: BatchLoaderOptions<S, R, C, T>,
  ): DataLoader<Output<T>>
  new <S, B, R = S, C = B, T = C>(
    source: LoaderSource<S>,
    options: AggregateLoaderOptions<S, R, B, C, T>,
  ): DataLoader<Output<T>>
  new <S, R = S, C = Output<R>, T = C>(
    source: LoaderSource<S>,
    options?: SampleLoaderOptions<S, R, C, T>,
  ): DataLoader<Output<T>>
  // The last one is for errors, because compilers report the last one when none fits: it looks for
  // the type of the items in the source only.
  new <S, R = S, B = never, N extends number | undefined = undefined, C = Grouped<R, B, N>, T = C>(
    source: LoaderSource<S>,
    options?: AnyLoaderOptions<S, R, B, N, C, T>,
  ): DataLoader<Output<T>>
  readonly prototype: DataLoader<unknown>
}

/**
 * Loads a data set, epoch after epoch. A loader takes items from a source and makes samples of them
 * (`preprocess`). It makes batches of the samples (`batchSize`, or an `aggregate` such as
 * `bucketByLength(…)`) and arrays of the batches (`collate`). It keeps a few results ready
 * (`bufferSize`).
 *
 * Each `for await` is one epoch, with its own pipeline; worker threads stay from epoch to epoch.
 * Leaving the loop ends the epoch and discards what was loaded but not consumed.
 *
 * The source is iterated anew for each epoch. A function is called with `{ epoch, signal }`; an
 * object with a method `setEpoch(epoch)` gets the number; sources of `spindle/source` have an order
 * for each epoch. `context.rng` in the functions also differs in each epoch.
 *
 * An item that fails fails the epoch, unless `maxFailures` allows it. A loader is three stages of a
 * `PipelineBuilder`. Use `PipelineBuilder` directly for anything else, such as several
 * preprocessing steps with their own concurrency, variants or regions.
 *
 * @throws `ERR_BAD_OPTION`, `ERR_BAD_SOURCE`. Iterating throws `PipelineFailure`, `ERR_TIMEOUT`, or
 *   the reason of `signal`; and `ERR_ITERATOR_REPLACED` in a loop that a newer iteration of the
 *   loader has ended.
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { collate, DataLoader } from 'spindle/loader'
 *
 * await using loader = new DataLoader([1, 2, 3, 4, 5], {
 *   preprocess: async (n) => ({ x: Float32Array.of(n, n * n), y: n }),
 *   batchSize: 2,
 *   collate: (samples) => collate(samples, { dtypes: { y: 'int64' } }),
 *   outputOrder: 'input',
 * })
 * assert.equal(loader.length, 3)
 * for (let epoch = 0; epoch < 2; epoch++) {
 *   const shapes: string[] = []
 *   for await (const { x } of loader) shapes.push(String(x.shape))
 *   assert.deepEqual(shapes, ['2,2', '2,2', '1,2'])
 * }
 * ```
 */
export const DataLoader: DataLoaderConstructor = Loader as DataLoaderConstructor
