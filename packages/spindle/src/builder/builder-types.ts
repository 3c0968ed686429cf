import type { Executor } from '../engine/executor.ts'
import type { Json } from '../engine/seekable.ts'
import type { FailureBudget, RetryOptions, StageContext } from '../engine/types.ts'
import type { WorkerOp } from '../engine/worker-op.ts'

/** What an op that is a function looks like. */
export type OpFunction<T, R> = (item: T, context: StageContext) => R

/** What chooses the path of an item, or of each element of a batch; in a region by reference. */
export type Router<T, C> = ((item: T) => C | PromiseLike<C>) | WorkerOp<T, C | PromiseLike<C>>

/**
 * What a stage puts out for an op that returns `R`: promises awaited, generators unrolled,
 * `undefined` removed.
 */
export type Output<R> = Exclude<Unrolled<Awaited<R>>, undefined>

type Unrolled<R> =
  R extends Generator<infer Y, unknown, never>
    ? Awaited<Y>
    : R extends AsyncGenerator<infer Y, unknown, never>
      ? Y
      : R

/** Elements of an iterable, or a type whose name says what is wrong. */
export type ElementOf<T> = [T] extends [Iterable<infer E>]
  ? E
  : [T] extends [AsyncIterable<infer E>]
    ? E
    : StageTypeError<'disaggregate() needs items that are arrays or other iterables'>

/** An impossible type that carries a sentence for the reader of a compiler error. */
export interface StageTypeError<Message extends string> {
  readonly spindleTypeError: Message
}

/** Options of `pipe()`. */
export interface PipeOptions {
  /** Name in statistics and errors. Default: the function's name. */
  readonly name?: string
  /**
   * Calls that may be in flight at once, an integer >= 1. Default 1. `'auto'`, or a range of
   * integers: the pipeline searches for the best number itself, between 1 and 256, or in the range;
   * see `docs/tuning.md`.
   */
  readonly concurrency?: number | 'auto' | { readonly min?: number; readonly max?: number }
  /**
   * `'completion'` (default): results leave as they finish. `'input'`: in the order of the stage's
   * input.
   */
  readonly outputOrder?: 'completion' | 'input'
  /**
   * How many failed items the stage endures, or what share of its calls. Default: that of
   * `build()`, which is 0.
   */
  readonly maxFailures?: FailureBudget
  /** Attempts after the first, or how they are made. Default: none. */
  readonly retry?: number | RetryOptions
  /** Limit for each attempt, in milliseconds. Default: none. */
  readonly timeoutMs?: number
  /** Places of the stage's exit queue, an integer >= 1. Default 2. */
  readonly buffer?: number
  /** Bound on the bytes in the exit queue: no call begins while they are reached. Default: none. */
  readonly maxBytes?: number
  /**
   * Where an op of `workerModule()` runs. Default: worker threads of the pipeline's own, as many as
   * `build({ threads })` says.
   */
  readonly executor?: Executor
}

/** Options of `addSource()`. */
export interface SourceOptions {
  /** Iterate the source again and again; each iteration is an epoch. Default false. */
  readonly continuous?: boolean
  /** Places of the queue the source runs ahead in, an integer >= 1. Default 2. */
  readonly buffer?: number
  /** Name in statistics and errors. Default `'source'`. */
  readonly name?: string
  /**
   * How a run that is resumed gets to its first position, for a source that is neither a
   * `SeekableSource` nor an array. `'skip'`: it is gone through from its start, and what is done is
   * thrown away; it must give the same again. `'seek'`: it is a function that begins at
   * `context.position`.
   */
  readonly resume?: 'seek' | 'skip'
  /**
   * What is loaded, for `resume`: a name and version, say. A state of another is refused. Default:
   * nothing is compared.
   */
  readonly dataset?: Json
}

/** Options of `aggregate()`. */
export interface AggregateOptions {
  /** Throw an incomplete last batch away. Default false. */
  readonly dropLast?: boolean
}

/** Options of `pathVariants()`. */
export interface VariantOptions {
  /** Name in statistics and errors. Default `'path_variants'`. */
  readonly name?: string
  /** Items are arrays, and the router gives one path for each element. Default false. */
  readonly batched?: boolean
  /**
   * How many items, over all paths, may wait for a path that is busy while items for the others go
   * on, an integer >= 0: beyond the two that each path's queue has places for. Of batches: parts.
   * Default 32.
   */
  readonly lookAhead?: number
}

/** Options of a `merge()` that passes items on as they arrive. */
export interface MergeStopOptions {
  /**
   * `'all'` (default): it ends when all inputs have ended. `'first'`: when the first of them has.
   * All of that one's items come out; the other sources are closed, and what of theirs is not in
   * the merge is discarded. Of continuous sources, the epoch ends so, and the next one begins anew
   * in all of them.
   */
  readonly stop?: 'first' | 'all'
  /** Name in statistics and errors. Default `'merge'`. */
  readonly name?: string
}

/** Options of a `merge()` with an op of your own. */
export interface MergeOptions<I, R> {
  /**
   * Joins the inputs: gets one async iterable for each, gives the outputs. Called once an epoch.
   * Without it, items are passed on as they arrive.
   */
  readonly op: (
    inputs: readonly AsyncIterableIterator<I>[],
    context: { readonly signal: AbortSignal },
  ) => AsyncIterable<R> | Iterable<R>
  /** Name in statistics and errors. Default `'merge'`. */
  readonly name?: string
}
