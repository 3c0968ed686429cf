import type { Executor } from '../engine/executor.ts'
import type { Json } from '../engine/seekable.ts'
import type { FailureBudget, RateLimit, RetryOptions, StageContext } from '../engine/types.ts'
import type { WorkerOp } from '../engine/worker-op.ts'

/** An op that is a function. */
export type OpFunction<T, R> = (item: T, context: StageContext) => R

/**
 * Chooses the path of an item, or of each element of a batch. In a region it is given by reference.
 */
export type Router<T, C> = ((item: T) => C | PromiseLike<C>) | WorkerOp<T, C | PromiseLike<C>>

/**
 * The type of a stage's output for an op that returns `R`: promises awaited, generators unrolled,
 * `undefined` removed.
 */
export type Output<R> = Exclude<Unrolled<Awaited<R>>, undefined>

type Unrolled<R> =
  R extends Generator<infer Y, unknown, never>
    ? Awaited<Y>
    : R extends AsyncGenerator<infer Y, unknown, never>
      ? Y
      : R

/** The elements of an iterable. */
export type ElementOf<T> = [T] extends [Iterable<infer E>]
  ? E
  : [T] extends [AsyncIterable<infer E>]
    ? E
    : never

/** `B` if `T` is iterable, otherwise a type whose name explains the error. */
export type Iterables<T, B> = [T] extends [Iterable<unknown> | AsyncIterable<unknown>]
  ? B
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
   * Calls in flight at once, an integer >= 1. Default 1. With `'auto'` the pipeline itself searches
   * for the best number from 1 to 256; with a range of integers, from `min` to `max`. See
   * `docs/tuning.md`.
   */
  readonly concurrency?: number | 'auto' | { readonly min?: number; readonly max?: number }
  /**
   * `'completion'` (default): results leave as they finish. `'input'`: results leave in the order
   * of the stage's input.
   */
  readonly outputOrder?: 'completion' | 'input'
  /**
   * How many failed items the stage tolerates, as a number or a share of its calls. Default: the
   * value given to `build()`, which is 0 by default.
   */
  readonly maxFailures?: FailureBudget
  /** Number of attempts after the first, or an object with more options. Default: no retries. */
  readonly retry?: number | RetryOptions
  /** Time limit for each attempt, in milliseconds. Default: none. */
  readonly timeoutMs?: number
  /**
   * How many calls may begin per second; see `docs/rate-limits.md`. Calls that wait for it hold
   * their slots, and the statistics count this time apart (`shares.throttled`). Default: no limit.
   */
  readonly rateLimit?: RateLimit
  /** Capacity of the stage's exit queue in items, an integer >= 1. Default 2. */
  readonly buffer?: number
  /** Limit on the bytes in the exit queue. No call begins while it is reached. Default: none. */
  readonly maxBytes?: number
  /**
   * Where an op of `workerModule()` runs. Default: worker threads of the pipeline, as many as
   * `build({ threads })` says.
   */
  readonly executor?: Executor
}

/** Options of `addSource()`. */
export interface SourceOptions {
  /** Iterate the source again and again. Each iteration is an epoch. Default false. */
  readonly continuous?: boolean
  /**
   * Capacity of the queue between the source and the first stage, in items, an integer >= 1.
   * Default 2.
   */
  readonly buffer?: number
  /** Name in statistics and errors. Default `'source'`. */
  readonly name?: string
  /**
   * How a resumed run reaches its first position if the source is neither a `SeekableSource` nor an
   * array. `'skip'`: iterate from the start and discard the items that are done; the source must
   * give the same items again. `'seek'`: the source is a function that begins at
   * `context.position`.
   */
  readonly resume?: 'seek' | 'skip'
  /**
   * Identifies the data for `resume`, for example by a name and version. A state of another data
   * set is refused. Default: the length of an array; for other sources nothing is compared. A
   * `SeekableSource` is always identified by its own `description`.
   */
  readonly dataset?: Json
}

/** Options of `aggregate()`. */
export interface AggregateOptions {
  /** Discard an incomplete last batch. Default false. */
  readonly dropLast?: boolean
}

/** Options of `pathVariants()`. */
export interface VariantOptions {
  /** Name in statistics and errors. Default `'path_variants'`. */
  readonly name?: string
  /** Items are arrays, and the router returns one path for each element. Default false. */
  readonly batched?: boolean
  /**
   * How many items may wait for busy paths while items for other paths pass them, over all paths,
   * an integer >= 0. They come on top of the two places in each path's queue. Batches count by
   * their parts. Default 32.
   */
  readonly lookAhead?: number
}

/** Options of a `merge()` that passes on items as they arrive. */
export interface MergeStopOptions {
  /**
   * `'all'` (default): the merge ends when all inputs have ended. `'first'`: it ends when the first
   * input has ended. All items of that input are delivered. The other sources are closed, and their
   * items that have not reached the merge are discarded. With continuous sources, this ends the
   * epoch, and the next epoch starts all sources anew.
   */
  readonly stop?: 'first' | 'all'
  /** Name in statistics and errors. Default `'merge'`. */
  readonly name?: string
}

/** Options of a `merge()` with your own op. */
export interface MergeOptions<I, R> {
  /**
   * Joins the inputs: receives one async iterable for each input and returns the outputs. Called
   * once for each epoch. Without it, items are passed on as they arrive.
   */
  readonly op: (
    inputs: readonly AsyncIterableIterator<I>[],
    context: { readonly signal: AbortSignal },
  ) => AsyncIterable<R> | Iterable<R>
  /** Name in statistics and errors. Default `'merge'`. */
  readonly name?: string
}
