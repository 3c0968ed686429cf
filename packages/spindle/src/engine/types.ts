import type { ReadableStream as NodeReadableStream } from 'node:stream/web'
import type { ItemError } from '../errors.ts'
import type { StageInfo } from '../op-context.ts'
import type { PipelineState } from './resume-state.ts'
import type { SeekableSource } from './seekable.ts'
import type { StatsEvent } from './stats/pipeline-stats.ts'

export type { StageContext, StageInfo } from '../op-context.ts'

/** What a function given as a source is called with, once an epoch. */
export interface SourceContext {
  /** Aborted when nothing more is wanted. */
  readonly signal: AbortSignal
  /** Number of the epoch, from 0. */
  readonly epoch: number
  /**
   * The first position that is wanted, from 0: above that only where a run is resumed and
   * `addSource()` was told `resume: 'seek'`.
   */
  readonly position: number
}

/**
 * Anything items can be taken from. An iterator alone counts as a one-shot source; so do streams.
 */
export type SourceItems<S> =
  | Iterable<S>
  | AsyncIterable<S>
  | Iterator<S>
  | AsyncIterator<S>
  | ReadableStreamLike<S>
  | SeekableSource<S>

/**
 * The part of a web `ReadableStream` that a source needs; structural, so that the DOM's and Node's
 * types both fit.
 */
export type ReadableStreamLike<S> =
  | NodeReadableStream<S>
  | { getReader(): { read(): Promise<{ done: boolean; value?: S | undefined }> } }

/**
 * A source, or a function that makes one; a function (a generator function too) is called once an
 * epoch.
 */
export type Source<S> = SourceItems<S> | ((context: SourceContext) => SourceItems<S>)

/** Collects items into batches. Both methods run on the loop, one call at a time. */
export interface Aggregator<T, B> {
  /** Takes one item; returns a batch that is complete, or `undefined`. */
  accumulate(item: T): B | undefined
  /** Returns what is left at the end of the stream or epoch, or `undefined`, and forgets it. */
  flush(): B | undefined
  /**
   * Whether something is held. Where there is such a method, the rest may be several batches:
   * `flush()` is called until it says no.
   */
  hasRest?(): boolean
}

/** How many failed items a stage endures: a number of them, or a share of the calls made. */
export type FailureBudget = number | RateBudget

/** A share of calls that may fail. */
export interface RateBudget {
  /** 0 < rate <= 1. The stage fails when failures / calls is above it. */
  readonly rate: number
  /** The share is not looked at before so many calls have ended. Default 100. */
  readonly minSamples?: number
}

/**
 * How a failed attempt is made again. The delay before attempt n + 1 is
 * `minDelayMs * factor^(n - 1)`, at most `maxDelayMs`.
 */
export interface RetryOptions {
  /** Attempts after the first, an integer >= 0. */
  readonly retries: number
  /** Delay before the first of them, in milliseconds. Default 100. */
  readonly minDelayMs?: number
  /** Longest delay, in milliseconds. Default 30 000. */
  readonly maxDelayMs?: number
  /** Growth from one delay to the next, >= 1. Default 2. */
  readonly factor?: number
  /** Whether each delay is multiplied by a random number of 0.5 to 1. Default true. */
  readonly jitter?: boolean
  /** Decides whether an error is worth another attempt. Default: each is. */
  readonly shouldRetry?: (error: unknown, attempt: number) => boolean
}

/** One item at one stage, as hooks see it. */
export interface TaskInfo {
  readonly stage: StageInfo
  /** Position of the item in its source, within the epoch; `-1` for the flush of an aggregator. */
  readonly index: number
  /** The op's input. */
  readonly item: unknown
}

/** How a task ended. */
export interface TaskOutcome {
  /** Whether the op succeeded. */
  readonly ok: boolean
  /** What it threw, if not. */
  readonly error?: unknown
  /** Attempts made. */
  readonly attempts: number
}

/**
 * Listens to stages and tasks. Each method may return a promise, which is awaited before things go
 * on.
 */
export interface TaskHook {
  /** Before the stage takes its first item. An error fails the stage. */
  onStageStart?(stage: StageInfo): void | PromiseLike<void>
  /**
   * After the stage's last task. An error fails the stage; what it gave is delivered all the same.
   */
  onStageEnd?(stage: StageInfo, error?: unknown): void | PromiseLike<void>
  /** Before an item's first attempt. An error fails the item. */
  onTaskStart?(task: TaskInfo): void | PromiseLike<void>
  /** After an item's last attempt and, for generators, its last output. An error fails the item. */
  onTaskEnd?(task: TaskInfo, outcome: TaskOutcome): void | PromiseLike<void>
}

/** Where the engine writes what nobody else hears of. `console` and pino fit. */
export interface Logger {
  debug?(message: string, ...details: unknown[]): void
  info?(message: string, ...details: unknown[]): void
  warn(message: string, ...details: unknown[]): void
  error(message: string, ...details: unknown[]): void
}

/**
 * Work that runs beside the pipeline; the signal is aborted when the pipeline has ended. Its errors
 * are logged.
 */
export type BackgroundTask = (signal: AbortSignal) => void | PromiseLike<void>

/** How code that holds the event loop is watched for. */
export interface LoopGuardOptions {
  /** Shortest block that is named, in milliseconds, >= 2. Default 10. */
  readonly thresholdMs?: number
}

/** Whether, and for how long, a pipeline searches for its own numbers. */
export type TuneMode = 'off' | 'once' | 'continuous'

/** How a pipeline is tuned. */
export interface TuneOptions {
  /**
   * `'once'`: until nothing better is found; `'continuous'`: as long as it runs. Default
   * `'continuous'`.
   */
  readonly mode?: TuneMode
  /**
   * Bytes of memory that the process may use before concurrency is lowered. Default: half of what
   * the machine (or its container) has.
   */
  readonly maxMemoryBytes?: number
}

/** Where failed items go, and how many may be on their way there at once. */
export interface DeadLetterOptions {
  /**
   * Keeps one failed item. It is delivered when this returns, or its promise is fulfilled; an error
   * refuses it.
   */
  readonly write: (error: ItemError) => void | PromiseLike<void>
  /** Promises of `write` that may be pending at once, an integer >= 1. Default 16. */
  readonly maxPending?: number
}

/** Options of `build()`. */
export interface BuildOptions {
  /**
   * Failure budget of stages that have none of their own. Default 0: the first failure fails the
   * pipeline.
   */
  readonly maxFailures?: FailureBudget
  /** Seed of `context.rng`, an integer. Default 0. */
  readonly seed?: number
  /** Aborts the pipeline; consumers and `done` then reject with `signal.reason`. */
  readonly signal?: AbortSignal
  /**
   * Hooks of every stage, or a function that gives each stage its own. They run in the order given.
   */
  readonly hooks?: readonly TaskHook[] | ((stage: StageInfo) => readonly TaskHook[])
  /** Started with the pipeline. */
  readonly backgroundTasks?: readonly BackgroundTask[]
  /** Called for each failed item, once. */
  readonly onItemError?: (error: ItemError) => void
  /**
   * Where failed items go: a function, or one with options. A promise it returns is waited for
   * before the pipeline is done. At most 16 are pending at once (`maxPending`): then failed tasks
   * keep their slots. One that throws or rejects has refused its item, which is counted, and not
   * done.
   */
  readonly deadLetter?: DeadLetterOptions['write'] | DeadLetterOptions
  /** Default: none but `process.emitWarning` for what must not go unheard. */
  readonly logger?: Logger
  /**
   * Watches for code that holds the event loop, see `docs/loop-guard.md`; `false` for no watching.
   * Default: on.
   */
  readonly loopGuard?: false | LoopGuardOptions
  /**
   * Has the pipeline set the concurrency of its stages, the workers of its pools and the places of
   * its queues by itself, up and down, as it measures what they are worth; see `docs/tuning.md`.
   * With `'once'` and `'continuous'` numbers given to stages are where it begins. Default:
   * `'continuous'` for the stages with `concurrency: 'auto'` or a range, and nothing else is
   * changed; `'off'`: nothing is.
   */
  readonly tune?: TuneMode | TuneOptions
  /**
   * Worker threads for ops of `workerModule()` that have no executor of their own. Default:
   * `os.availableParallelism()`.
   */
  readonly threads?: number
  /**
   * Has `onStats` called (and `spindle:stats` published) this often, in milliseconds; keeps no
   * process alive. Default: at the end only.
   */
  readonly reportIntervalMs?: number
  /** Called with the figures at intervals and at the end. */
  readonly onStats?: (event: StatsEvent) => void
  /** Keeps book of what is done, for `pipeline.state()`; see `docs/resume.md`. Default false. */
  readonly resumable?: boolean | ResumeOptions
  /**
   * Goes on where another run was: what `state()` of a pipeline of the same stages gave, or
   * `mergeStates()`. Default: from the start.
   */
  readonly state?: PipelineState | undefined
}

/** How a pipeline can be resumed. */
export interface ResumeOptions {
  /**
   * When an item counts as done: when the next one is asked for (`'auto'`, default), or by
   * `pipeline.commit(item)` alone.
   */
  readonly commit?: 'auto' | 'explicit'
  /**
   * How far the source may be ahead of the first item that is at work, in positions, an integer >= 1.
   * What waits in an aggregator or at the consumer is not at work. Default 4096.
   */
  readonly span?: number
  /**
   * Take a state although it is of other stages, seed or data. Positions must mean the same.
   * Default false.
   */
  readonly force?: boolean
}
