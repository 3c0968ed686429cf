import type { ReadableStream as NodeReadableStream } from 'node:stream/web'
import type { ItemError } from '../errors.ts'
import type { StageInfo } from '../op-context.ts'
import type { PipelineState } from './resume-state.ts'
import type { SeekableSource } from './seekable.ts'
import type { StatsEvent } from './stats/pipeline-stats.ts'

export type { StageContext, StageInfo } from '../op-context.ts'

/** What a source function receives. It is called once for each epoch. */
export interface SourceContext {
  /** Aborted when the pipeline needs no more items. */
  readonly signal: AbortSignal
  /** Number of the epoch, from 0. */
  readonly epoch: number
  /**
   * The first position the pipeline needs, from 0. It is above 0 only in a resumed run whose
   * `addSource()` has `resume: 'seek'`.
   */
  readonly position: number
}

/**
 * Anything that gives items. Iterators and streams are one-shot sources: they can be iterated once.
 */
export type SourceItems<S> =
  | Iterable<S>
  | AsyncIterable<S>
  | Iterator<S>
  | AsyncIterator<S>
  | ReadableStreamLike<S>
  | SeekableSource<S>

/**
 * The part of a web `ReadableStream` that a source needs. The type is structural, so that the DOM's
 * and Node's types both fit.
 */
export type ReadableStreamLike<S> =
  | NodeReadableStream<S>
  | { getReader(): { read(): Promise<{ done: boolean; value?: S | undefined }> } }

/**
 * A source, or a function that returns one or a promise for one. A function, which may be a
 * generator function, is called once for each epoch.
 */
export type Source<S> =
  | SourceItems<S>
  | ((context: SourceContext) => SourceItems<S> | PromiseLike<SourceItems<S>>)

/** Collects items into batches. The methods run on the event loop, one call at a time. */
export interface Aggregator<T, B> {
  /** Takes one item. Returns a complete batch, or `undefined`. */
  accumulate(item: T): B | undefined
  /** Returns the rest at the end of the stream or epoch, or `undefined`, and clears it. */
  flush(): B | undefined
  /**
   * Whether items are left. If an aggregator has this method, its rest may be several batches:
   * `flush()` is called until `hasRest()` returns false.
   */
  hasRest?(): boolean
}

/**
 * How many failed items a stage tolerates: a number (an integer >= 0, or `Infinity`), or a share of
 * its calls.
 */
export type FailureBudget = number | RateBudget

/** The share of calls that may fail. */
export interface RateBudget {
  /** 0 < rate <= 1. The stage fails when failures / calls exceeds it. */
  readonly rate: number
  /** Calls that must end before the share is checked, an integer >= 1. Default 100. */
  readonly minSamples?: number
}

/**
 * How failed attempts are repeated. The delay before attempt n + 1 is
 * `minDelayMs * factor^(n - 1)`, at most `maxDelayMs`.
 */
export interface RetryOptions {
  /** Attempts after the first, an integer >= 0. */
  readonly retries: number
  /** Delay before the first retry, in milliseconds. Default 100. */
  readonly minDelayMs?: number
  /** Longest delay, in milliseconds. Default 30 000. */
  readonly maxDelayMs?: number
  /** Growth from one delay to the next, >= 1. Default 2. */
  readonly factor?: number
  /** Whether each delay is multiplied by a random number of 0.5 to 1. Default true. */
  readonly jitter?: boolean
  /** Decides whether an error is worth another attempt. Default: every error is. */
  readonly shouldRetry?: (error: unknown, attempt: number) => boolean
  /**
   * Delay before the next attempt, in milliseconds, for example what the server asks for in
   * `Retry-After`: a number >= 0, used as it is, without jitter and `maxDelayMs`. `undefined`: the
   * delay that follows from the other options. `attempt` is the number of the failed one, from 1.
   */
  readonly delayMs?: (error: unknown, attempt: number) => number | undefined
}

/**
 * How many calls of a stage may begin in a time. At most `burst` calls begin at once; beyond that,
 * one begins every `1 / perSecond` seconds. So at most `burst + perSecond * s` calls begin in any
 * `s` seconds. Every attempt counts as a call.
 */
export interface RateLimit {
  /** Calls per second in the long run, a number > 0. */
  readonly perSecond: number
  /**
   * Calls that may begin at once after a pause, an integer >= 1. Default: the calls of 20 ms, at
   * least 1.
   */
  readonly burst?: number
}

/** {@link RetryOptions} with all defaults. */
export type RetrySettings = Required<Omit<RetryOptions, 'delayMs'>> & {
  readonly delayMs: RetryOptions['delayMs']
}

/** One item at one stage, as hooks see it. */
export interface TaskInfo {
  readonly stage: StageInfo
  /** Position of the item in its source, within the epoch. `-1` when an aggregator is flushed. */
  readonly index: number
  /** The op's input. */
  readonly item: unknown
}

/** How a task ended. */
export interface TaskOutcome {
  /** Whether the op succeeded. */
  readonly ok: boolean
  /** What the op threw, if it failed. */
  readonly error?: unknown
  /** Number of attempts made. */
  readonly attempts: number
}

/** Listens to stages and tasks. A method may return a promise; the stage or task waits for it. */
export interface TaskHook {
  /** Called before the stage takes its first item. An error fails the stage. */
  onStageStart?(stage: StageInfo): void | PromiseLike<void>
  /**
   * Called after the stage's last task. An error fails the stage, but its results are still
   * delivered.
   */
  onStageEnd?(stage: StageInfo, error?: unknown): void | PromiseLike<void>
  /** Called before an item's first attempt. An error fails the item. */
  onTaskStart?(task: TaskInfo): void | PromiseLike<void>
  /**
   * Called after an item's last attempt, and for generators after the last output. An error fails
   * the item.
   */
  onTaskEnd?(task: TaskInfo, outcome: TaskOutcome): void | PromiseLike<void>
}

/**
 * Where the engine logs warnings and errors that have no other receiver. `console` and pino fit.
 */
export interface Logger {
  debug?(message: string, ...details: unknown[]): void
  info?(message: string, ...details: unknown[]): void
  warn(message: string, ...details: unknown[]): void
  error(message: string, ...details: unknown[]): void
}

/**
 * Work that runs beside the pipeline. The signal is aborted when the pipeline has ended. Errors are
 * logged.
 */
export type BackgroundTask = (signal: AbortSignal) => void | PromiseLike<void>

/** How the loop guard watches for code that blocks the event loop. */
export interface LoopGuardOptions {
  /** Shortest block that is reported, in milliseconds, >= 2. Default 10. */
  readonly thresholdMs?: number
}

/** Whether a pipeline tunes its own concurrency, workers and queues, and for how long. */
export type TuneMode = 'off' | 'once' | 'continuous'

/** How a pipeline is tuned. */
export interface TuneOptions {
  /**
   * `'once'`: until no better setting is found. `'continuous'`: as long as the pipeline runs.
   * Default `'continuous'`.
   */
  readonly mode?: TuneMode
  /**
   * Memory the process may use before concurrency is lowered, in bytes. Default: half of the memory
   * of the machine or its container.
   */
  readonly maxMemoryBytes?: number
}

/** Where failed items go, and how many writes may be pending at once. */
export interface DeadLetterOptions {
  /**
   * Stores one failed item. The item is delivered when this returns or its promise resolves. If it
   * throws or rejects, the item counts as refused.
   */
  readonly write: (error: ItemError) => void | PromiseLike<void>
  /** How many promises of `write` may be pending at once, an integer >= 1. Default 16. */
  readonly maxPending?: number
}

/** Options of `build()`. */
export interface BuildOptions {
  /**
   * Failure budget of stages without their own. Default 0: the first failure fails the pipeline.
   */
  readonly maxFailures?: FailureBudget
  /** Seed of `context.rng`, an integer. Default 0. */
  readonly seed?: number
  /** Aborts the pipeline. Consumers and `done` then reject with `signal.reason`. */
  readonly signal?: AbortSignal
  /**
   * Hooks for every stage, or a function that returns the hooks of each stage. Hooks run in the
   * order given.
   */
  readonly hooks?: readonly TaskHook[] | ((stage: StageInfo) => readonly TaskHook[])
  /** Functions that are started with the pipeline and run beside it. */
  readonly backgroundTasks?: readonly BackgroundTask[]
  /** Called once for each failed item. */
  readonly onItemError?: (error: ItemError) => void
  /**
   * Where failed items go: a function, or a function with options. If it returns a promise, the
   * pipeline waits for it before it is done. At most 16 promises are pending at once
   * (`maxPending`); beyond that, failed tasks keep their slots. If it throws or rejects, the item
   * counts as refused, not as done.
   */
  readonly deadLetter?: DeadLetterOptions['write'] | DeadLetterOptions
  /**
   * Where warnings and errors are logged. Default: no logger; warnings that must be seen go to
   * `process.emitWarning`.
   */
  readonly logger?: Logger
  /**
   * Reports code that blocks the event loop, see `docs/loop-guard.md`. `false` turns the loop guard
   * off. Default: on.
   */
  readonly loopGuard?: false | LoopGuardOptions
  /**
   * Lets the pipeline change the concurrency of its stages, the workers of its pools and the
   * capacity of its queues while it measures the effect; see `docs/tuning.md`. With `'once'` and
   * `'continuous'`, the numbers given to stages are starting values. With `'off'`, nothing is
   * changed. Default: `'continuous'`, but only for stages with `concurrency: 'auto'` or a range.
   */
  readonly tune?: TuneMode | TuneOptions
  /**
   * Number of worker threads for ops of `workerModule()` without their own executor. Default:
   * `os.availableParallelism()`.
   */
  readonly threads?: number
  /**
   * Interval between calls of `onStats` (and messages on `spindle:stats`), in milliseconds. The
   * timer does not keep the process alive. Default: at the end only.
   */
  readonly reportIntervalMs?: number
  /** Called with the statistics at each interval and at the end. */
  readonly onStats?: (event: StatsEvent) => void
  /** Tracks which items are done, for `pipeline.state()`; see `docs/resume.md`. Default false. */
  readonly resumable?: boolean | ResumeOptions
  /**
   * State to resume from: the result of `state()` of a pipeline with the same stages, or of
   * `mergeStates()`. Default: start from the beginning.
   */
  readonly state?: PipelineState | undefined
}

/** How a pipeline can be resumed. */
export interface ResumeOptions {
  /**
   * When an item is committed. `'auto'` (default): when the consumer requests the next item, or
   * when the function given to `forEach` has finished without an error. `'explicit'`: only by
   * `pipeline.commit(item)`.
   */
  readonly commit?: 'auto' | 'explicit'
  /**
   * How far the source may run ahead of the first position that is still being processed, in
   * positions, an integer >= 1. Items that wait in an aggregator or for the consumer do not count
   * as being processed. Default 4096.
   */
  readonly span?: number
  /**
   * Accept a state of other stages, another seed or another data set. Positions must have the same
   * meaning. Default false.
   */
  readonly force?: boolean
}
