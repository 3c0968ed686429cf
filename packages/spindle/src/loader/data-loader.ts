import type { Output } from '../builder/builder-types.ts'
import type { PipelineConfig } from '../engine/config.ts'
import type { Report } from '../engine/report/report.ts'
import type { Pipeline, StopOptions } from '../engine/run/pipeline.ts'
import type { PipelineStats } from '../engine/stats/pipeline-stats.ts'
import type { BuildOptions } from '../engine/types.ts'
import { Loader, type LoaderProgress } from './loader.ts'
import type {
  AggregateLoaderOptions,
  BatchLoaderOptions,
  LoaderSource,
  LoaderState,
  SampleLoaderOptions,
} from './loader-options.ts'

/** Loads a data set, epoch after epoch; see {@link DataLoader}. */
export interface DataLoader<T> extends AsyncIterable<T>, Iterable<T>, AsyncDisposable {
  /**
   * Batches of an epoch, if the source tells its size and batches have a number of samples; items
   * that `preprocess` drops, or that fail, make it fewer. `undefined` otherwise.
   */
  readonly length: number | undefined
  /** Number of the epoch under way, or of the next one. */
  readonly epoch: number
  readonly progress: LoaderProgress
  /**
   * The batches of the next epoch, or of the one that `start()` began. Leaving the loop ends the
   * epoch; a time-out does not.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined>
  /**
   * The same for a plain `for`, with `placement: 'worker'`; blocks this thread while there is no
   * batch.
   */
  [Symbol.iterator](): IterableIterator<T, undefined>
  /**
   * Begins to load the next epoch ahead of its consumer, e.g. while a model is validated. @throws
   * `ERR_BAD_STATE` while one is under way.
   */
  start(): void
  /**
   * Sets the number of the epoch that begins next, which decides its order and random numbers.
   * @throws `ERR_BAD_STATE` while one is under way.
   */
  setEpoch(epoch: number): void
  /** Counts and times of the epoch under way, or of the last one. */
  stats(): Promise<PipelineStats>
  /** Names the stage that limits throughput in it. `String(report)` is for people. */
  report(): Promise<Report>
  /** Where to go on after a crash, as JSON; with `resumable`. */
  state(): LoaderState
  /**
   * Says that a batch is done with; with `resumable`. Without it, a batch counts as done when the
   * next is asked for.
   */
  commit(batch: T): void
  /**
   * Ends the epoch under way, as `Pipeline.stop()` does, and the threads. The loader can be
   * iterated again.
   */
  stop(options?: StopOptions): Promise<void>
  /**
   * The pipeline of the next epoch, for those who run it: `runPipelineInWorker()` of a module that
   * exports a loader does.
   */
  build(options?: BuildOptions): Pipeline<T>
  /** What that pipeline is made of. */
  getConfig(): PipelineConfig<T>
}

/** Makes loaders; the types follow from the options. */
export interface DataLoaderConstructor {
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
  readonly prototype: DataLoader<unknown>
}

/**
 * Loads a data set, epoch after epoch: takes items from a source, makes samples of them
 * (`preprocess`), batches of those (`batchSize`, or an `aggregate` such as `bucketByLength(…)`),
 * arrays of those (`collate`), and has a few of them ready (`bufferSize`). Each `for await` is one
 * epoch: a pipeline of its own, over threads that stay. Leaving the loop ends the epoch; what was
 * loaded and not taken is thrown away.
 *
 * The source is iterated anew for each epoch. A function is called with `{ epoch, signal }`, an
 * object with `setEpoch(epoch)` is told the number, and sources of `spindle/source` know their
 * order in each epoch. `context.rng` of the functions is another in each epoch.
 *
 * An item that fails fails the epoch, unless `maxFailures` says otherwise. For what is not here
 * (several preprocessing steps each with its own concurrency, variants, regions) use
 * `PipelineBuilder`, which a loader is three stages of.
 *
 * @throws `ERR_BAD_OPTION`, `ERR_BAD_SOURCE`. Iterating throws `PipelineFailure`, `ERR_TIMEOUT`,
 *   the reason of `signal`; `ERR_ITERATOR_REPLACED` in a loop
 * that another iteration of the loader has ended.
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
