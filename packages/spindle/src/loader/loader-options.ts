import { seedRule } from '../builder/build-options.ts'
import type { OpFunction, Output, PipeOptions, SourceOptions } from '../builder/builder-types.ts'
import { sourceOptions } from '../builder/stage-options.ts'
import { badOption, checkCount } from '../check.ts'
import { checkSource, isOneShot } from '../engine/flow/open-source.ts'
import { checkState } from '../engine/progress/check-state.ts'
import { resumableRule } from '../engine/progress/resumption.ts'
import type { PipelineState } from '../engine/resume-state.ts'
import { isSeekable, type SeekableSource } from '../engine/seekable.ts'
import { failureBudget } from '../engine/stages/budget.ts'
import type {
  Aggregator,
  BuildOptions,
  FailureBudget,
  ResumeOptions,
  Source,
  SourceContext,
  SourceItems,
} from '../engine/types.ts'
import { isWorkerOp, type WorkerOp } from '../engine/worker-op.ts'
import { SpindleError } from '../errors.ts'
import {
  boolean,
  choice,
  count,
  durationMs,
  group,
  integer,
  is,
  object,
  options,
  type Rule,
  type Rules,
  signal,
} from '../options/index.ts'
import { checkReferences } from './loader-references.ts'

/**
 * Where the items of a loader come from: anything a pipeline takes, a source that can begin
 * anywhere, or an exported function that makes one, by reference.
 */
export type LoaderSource<S> =
  | Source<S>
  | SeekableSource<S>
  | WorkerOp<SourceContext, SourceItems<S> | PromiseLike<SourceItems<S>>>

/** One of the loader's functions, directly or by reference. */
export type LoaderOp<T, R> = OpFunction<T, R> | WorkerOp<T, R>

/** Where a loader runs. */
export type LoaderPlacement = 'inline' | 'threads' | 'worker'

/** Where a run continues: plain data that JSON can hold. */
export interface LoaderState {
  /** The epoch that was in progress. */
  readonly epoch: number
  /** What of that epoch is done; absent at its start. */
  readonly pipeline?: PipelineState
}

/** Options that all kinds of loaders share. */
export interface CommonLoaderOptions<S, R> {
  /**
   * Makes a sample of an item, e.g. reads and decodes it, like an op of `pipe()`. An item for which
   * it returns `undefined` is left out. Default: items are samples.
   */
  readonly preprocess?: LoaderOp<S, R>
  /** Number of finished batches that may wait, an integer >= 1. Default 3. */
  readonly bufferSize?: number
  /**
   * Maximum number of concurrent calls of `preprocess`, and of `collate`, an integer >= 1. Default 8.
   */
  readonly concurrency?: number
  /**
   * `'completion'` (default): samples and batches may overtake one another. `'input'`: they keep
   * the order of the source.
   */
  readonly outputOrder?: 'completion' | 'input'
  /**
   * Where the loader runs. Default: functions run on this event loop, functions by reference run in
   * threads. `'inline'`: everything runs on this event loop, which helps with debugging.
   * `'threads'`: as the default, but a function that is not given by reference is an error.
   * `'worker'`: the whole loader runs in a worker thread; all functions must be given by reference.
   * The loader then keeps running while this thread computes, and a plain `for` works.
   */
  readonly placement?: LoaderPlacement
  /**
   * Number of worker threads for functions by reference, an integer >= 1. They stay from epoch to
   * epoch. Default: `os.availableParallelism()`; with `'worker'`: none.
   */
  readonly threads?: number
  /**
   * Whether the memory of a batch serves a later one as soon as the next batch is requested. Its
   * arrays are then empty. New memory for each batch costs up to a fifth of the CPU time, most of
   * it in the garbage collector. Only for batches that come from threads; with `'worker'` it has no
   * effect. Default false.
   */
  readonly reuseBatches?: boolean
  /**
   * Longest wait for a batch, in milliseconds. After it, the iterator throws `TimeoutError`;
   * nothing is lost, and iteration may continue. Default: none.
   */
  readonly timeoutMs?: number
  /**
   * Number or share of failed items that each stage tolerates. Default 0: the first failed item
   * fails the epoch.
   */
  readonly maxFailures?: FailureBudget
  /** Seed of `context.rng`, an integer. Each epoch has its own random numbers. Default 0. */
  readonly seed?: number
  /** Aborts the epoch in progress; iterating rejects with the signal's reason. */
  readonly signal?: AbortSignal
  /**
   * Further options of the source: `name`, `buffer`; and `resume` and `dataset` for a source that
   * is not a `SeekableSource` but can be resumed.
   */
  readonly sourceOptions?: Omit<SourceOptions, 'continuous'>
  /**
   * Further options of the stage of `preprocess`: `retry`, `timeoutMs` for each attempt, `buffer`,
   * …
   */
  readonly preprocessOptions?: PipeOptions
  /** Further options of the stage of `collate`. */
  readonly collateOptions?: PipeOptions
  /** Further options of the stage of `transfer`; its `concurrency` is 1 by default. */
  readonly transferOptions?: PipeOptions
  /** Further options of `build()`: hooks, `onItemError`, `logger`, … */
  readonly build?: BuildOptions
  /** Number of the first epoch, an integer >= 0. Default 0. */
  readonly epoch?: number
  /**
   * Tracks what is done, so that `state()` can return where to continue; see `docs/resume.md`. The
   * source must be able to begin anywhere, be an array, or have `sourceOptions.resume`. Default
   * false.
   */
  readonly resumable?: boolean | ResumeOptions
  /** Continues where an earlier run stopped. */
  readonly state?: LoaderState
}

/** A loader of single samples. */
export interface SampleLoaderOptions<S, R, C, T> extends CommonLoaderOptions<S, R> {
  readonly batchSize?: undefined
  readonly aggregate?: undefined
  readonly dropLast?: undefined
  /** Called with each sample. Default: the loader gives samples. */
  readonly collate?: LoaderOp<NoInfer<Output<R>>, C>
  /** Called with each result, one at a time, e.g. to copy it to a device. Default: none. */
  readonly transfer?: LoaderOp<Output<C>, T>
}

/** A loader whose batches have a fixed number of samples. */
export interface BatchLoaderOptions<S, R, C, T> extends CommonLoaderOptions<S, R> {
  /** Number of samples per batch, an integer >= 1. */
  readonly batchSize: number
  readonly aggregate?: undefined
  /** Whether to leave out a last batch that is not full. Default false. */
  readonly dropLast?: boolean
  /**
   * Makes one value of the samples of a batch, e.g. by `collate()` of this package. Default:
   * batches are arrays.
   */
  readonly collate?: LoaderOp<NoInfer<Output<R>>[], C>
  /** Called with each batch, one at a time, e.g. to copy it to a device. Default: none. */
  readonly transfer?: LoaderOp<Output<C>, T>
}

/**
 * A loader whose batches come from an aggregator: `bucketByLength(…)`, `batchByTokens(…)`,
 * `packDocuments(…)`.
 */
export interface AggregateLoaderOptions<S, R, B, C, T> extends CommonLoaderOptions<S, R> {
  readonly batchSize?: undefined
  /** Makes the aggregator. Called once per epoch. */
  readonly aggregate:
    | (() => Aggregator<Output<R>, B>)
    | WorkerOp<undefined, Aggregator<Output<R>, B>>
  /** Whether to leave out incomplete batches at the end. Default false. */
  readonly dropLast?: boolean
  /** Called with each batch. Default: the loader gives the aggregator's batches. */
  readonly collate?: LoaderOp<B, C>
  /** Called with each result, one at a time. Default: none. */
  readonly transfer?: LoaderOp<Output<C>, T>
}

/** Options of a loader whose `collate` is a function and not a reference. */
export type WithCollate<O, R, C> = Omit<O, 'collate'> & {
  readonly collate: OpFunction<Output<R>[], C>
}

/** What `collate` of a loader gets: batches of an aggregator, arrays of samples, or samples. */
export type Grouped<R, B, N> = [B] extends [never]
  ? N extends number
    ? Output<R>[]
    : Output<R>
  : B

/** The options of all kinds of loaders in one type, for readable errors of compilers. */
export type AnyLoaderOptions<S, R, B, N extends number | undefined, C, T> = Omit<
  CommonLoaderOptions<S, R>,
  'preprocess'
> & {
  readonly preprocess?: LoaderOp<NoInfer<S>, R>
  readonly batchSize?: N
  readonly aggregate?:
    | (() => Aggregator<Output<R>, B>)
    | WorkerOp<undefined, Aggregator<Output<R>, B>>
    | undefined
  readonly dropLast?: boolean | undefined
  readonly collate?: LoaderOp<NoInfer<Grouped<R, B, N>>, C>
  readonly transfer?: LoaderOp<NoInfer<Output<C>>, T>
} & ([B] extends [never] ? unknown : { readonly batchSize?: undefined })

/** All options of all kinds of loaders, for the implementation. */
export interface LoaderOptions extends CommonLoaderOptions<unknown, unknown> {
  readonly batchSize?: number | undefined
  readonly aggregate?:
    | (() => Aggregator<unknown, unknown>)
    | WorkerOp<undefined, Aggregator<unknown, unknown>>
    | undefined
  readonly dropLast?: boolean | undefined
  readonly collate?: LoaderOp<unknown, unknown>
  readonly transfer?: LoaderOp<unknown, unknown>
}

const { continuous: _, ...sourceRules } = sourceOptions.rules
const opRule: Rule<LoaderOp<unknown, unknown>, 'maybe'> = is(
  'a function or an op of workerModule()',
  (value) => typeof value === 'function' || isWorkerOp(value),
)
const stageRule: Rule<PipeOptions, 'maybe'> = object()

const loaderRules = {
  preprocess: opRule,
  batchSize: integer({ min: 1, unit: 'samples' }),
  aggregate: is('a function', (value) => typeof value === 'function' || isWorkerOp(value)),
  dropLast: boolean(),
  collate: opRule,
  transfer: opRule,
  bufferSize: integer({ min: 1, default: 3, unit: 'batches' }),
  concurrency: integer({ min: 1, default: 8, unit: 'calls' }),
  outputOrder: choice(['completion', 'input'], { default: 'completion' }),
  placement: choice(['inline', 'threads', 'worker']),
  threads: integer({ min: 1 }),
  reuseBatches: boolean({ default: false }),
  timeoutMs: durationMs({ orInfinity: true }),
  maxFailures: failureBudget,
  seed: seedRule,
  signal: signal(),
  sourceOptions: group(
    options(
      'CommonLoaderOptions.sourceOptions',
      sourceRules satisfies Rules<Omit<SourceOptions, 'continuous'>>,
    ),
  ),
  preprocessOptions: stageRule,
  collateOptions: stageRule,
  transferOptions: stageRule,
  build: object(),
  epoch: count({ default: 0 }),
  resumable: resumableRule,
  state: is('what state() gave', (value) => typeof value === 'object' && value !== null),
} satisfies Rules<LoaderOptions>

const loaderOptions = options(
  'SampleLoaderOptions & BatchLoaderOptions & AggregateLoaderOptions',
  loaderRules,
  undefined,
  ({ batchSize, aggregate, dropLast, state, resumable = false }) => {
    if (batchSize !== undefined && aggregate !== undefined)
      return ['aggregate', 'left out where there is a `batchSize`']
    if (dropLast === true && batchSize === undefined && aggregate === undefined)
      return ['dropLast', 'left out where there are no batches: give a `batchSize`']
    return state !== undefined && resumable === false
      ? ['resumable', 'true, or an object of options, where there is a `state`']
      : undefined
  },
)

/** Options of `build()` that the loader itself has. */
const own = ['threads', 'maxFailures', 'seed', 'signal', 'resumable', 'state'] as const

/**
 * Checks the source and the loader's own options. The options of stages and of `build()` are
 * checked where those are made, also in the constructor.
 *
 * @throws `ERR_BAD_SOURCE`, `ERR_BAD_OPTION`.
 */
export function checkLoader(source: unknown, options: LoaderOptions): void {
  if (!isWorkerOp(source)) checkSource(source)
  const { placement, build, state, resumable } = loaderOptions.check(options)
  if (build !== undefined) checkBuild(build)
  if (state !== undefined) checkLoaderState(state)
  if (state !== undefined || (resumable ?? false) !== false) checkResumable(source, options)
  if (placement === 'worker' || placement === 'threads') checkReferences(source, options, placement)
}

function checkBuild(build: BuildOptions): void {
  for (const name of own) {
    if (name in build)
      badOption(
        `build.${name}`,
        `left out: it is an option of the loader itself`,
        build[name as never],
      )
  }
}

/** Refuses a source that cannot be resumed: at once, rather than after a crash. */
function checkResumable(source: unknown, { sourceOptions }: LoaderOptions): void {
  const isAnywhere = isSeekable(source) || Array.isArray(source) || ArrayBuffer.isView(source)
  if (isAnywhere || (sourceOptions?.resume !== undefined && !isOneShot(source))) return
  const what = isOneShot(source)
    ? 'it is an iterator, generator object or stream, which can be iterated only once'
    : "give a source of spindle/source or an array, or say how it gets to its first position by `sourceOptions: { resume: 'skip' }` or `{ resume: 'seek' }`"
  throw new SpindleError(
    'ERR_NOT_RESUMABLE',
    `\`resumable\`: the source cannot be resumed: ${what}`,
  )
}

function checkLoaderState(state: LoaderState): void {
  checkCount('state.epoch', state.epoch)
  if (state.pipeline !== undefined) checkState(state.pipeline)
}
