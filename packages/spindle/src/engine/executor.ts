import type { StageInfo } from '../op-context.ts'

/**
 * Runs ops outside the caller's event loop. `ThreadPool` is one. A Piscina instance also fits as it
 * is, because `run(item, call)` has the shape of its `run(task, options)`. An executor ignores the
 * fields of `call` that it does not know.
 */
export interface Executor {
  /**
   * Calls the op that `call` names with `item`, and settles with its result or error. Rejects with
   * the reason of `call.signal` when that is aborted.
   */
  run(item: unknown, call: ExecutorCall): Promise<unknown>
  /**
   * Whether the executor calls `call.onStart` when the op begins. `timeoutMs` then counts from that
   * moment. Otherwise it counts from the call, including the wait for a free worker.
   */
  readonly reportsStart?: boolean
  /**
   * Whether the executor passes on `initArgs` and `bound` of its calls. If it does not say so,
   * `pipe()` refuses ops that have them, because the op would be called without them.
   */
  readonly bindsValues?: boolean
  /** The workers that run the calls. With them, the report can tell when all workers are busy. */
  readonly workers?: ExecutorWorkers
  /** Present if the number of workers can change. A tuned pipeline changes it. */
  readonly sizing?: WorkerNumber
  /**
   * A starting pipeline tells here how many calls at a time to expect, so that workers can start
   * early.
   */
  warmUp?(calls: number): void
  /**
   * A starting pipeline calls it once, before {@link warmUp}, if the executor starts and ends with
   * its users. The pipeline calls the returned function when it has ended, and waits up to two
   * seconds for its promise.
   */
  acquire?(): () => Promise<void>
}

/** The workers behind an executor. */
export interface ExecutorWorkers {
  readonly kind: 'thread' | 'process'
  /** Current or maximum number of workers. */
  readonly count: number
  /** The executor that owns the workers, if it is another one. */
  readonly of?: object
  /**
   * Total time in which workers were busy, in milliseconds. Without it, each call in progress
   * counts as a busy worker.
   */
  readonly busyMs?: number
  /** Figures of each worker, for the report. Read at each call of `stats()`. */
  readonly table?: WorkerTable
}

/** Figures of the workers of an executor: a row for each worker. Plain data. */
export interface WorkerTable {
  /** What the rows are, for example `sessions`. */
  readonly title: string
  readonly columns: readonly string[]
  /** Cells in the order of `columns`. */
  readonly rows: readonly (readonly (string | number)[])[]
  /** Sentences below the table. */
  readonly notes: readonly string[]
}

/** The maximum number of workers of an executor, and how to change it. */
export interface WorkerNumber {
  readonly size: number
  readonly min: number
  readonly max: number
  /** Whether the user gave a range instead of one number. */
  readonly isRange: boolean
  /** Workers that are busy now, and calls that wait for one. */
  readonly busy: number
  readonly waiting: number
  /** Whether a worker is starting. Meanwhile, the throughput says nothing about their number. */
  readonly isStarting?: boolean
  /**
   * Sets the number, an integer from `min` to `max`. New workers start when there are calls for
   * them. Surplus workers take no more calls, finish those they have, and end.
   */
  resize(size: number): void
}

/** The op to call and its arguments besides the item. */
export interface ExecutorCall {
  /** URL of the module. */
  readonly filename: string
  /** Name of the exported function. */
  readonly name: string
  /** Name of an exported function to call once in each worker before the module's first op. */
  readonly init?: string | undefined
  /** The argument of `init`. */
  readonly initArgs?: unknown
  /**
   * Values that follow the item; the context comes after them. See {@link Executor.bindsValues}.
   */
  readonly bound?: readonly unknown[] | undefined
  /** Aborted when the result is no longer needed. Many calls may share one signal. */
  readonly signal: AbortSignal
  /** Data for the op's `context` argument. Without it, the op gets an empty context. */
  readonly context?: CallContext | undefined
  /**
   * Calls with a higher priority go first. A pipeline passes the number of the stage, which rises
   * towards the sink.
   */
  readonly priority?: number | undefined
  /**
   * Time limit of the op, in milliseconds. The caller enforces it. If the worker reports nothing
   * for this long, the limit's clock starts without its report.
   */
  readonly timeoutMs?: number | undefined
  /**
   * Called each time the op begins; with `agoMs` if it began so many milliseconds ago, as an
   * executor tells that learns of it with the result.
   */
  readonly onStart?: ((agoMs?: number) => void) | undefined
  /** Called when the op has ended, just before the result is delivered. */
  readonly onSpan?: ((span: WorkerSpan) => void) | undefined
}

/**
 * Where and when an executor ran an op. Times are in milliseconds since 1970, by the worker's
 * clock.
 */
export interface WorkerSpan {
  readonly process: number
  /** 0 for a process's main thread. */
  readonly thread: number
  readonly beganAt: number
  readonly endedAt: number
}

/** The part of a call's context that is plain data. */
export interface CallContext {
  readonly index: number
  readonly attempt: number
  readonly stage: StageInfo
  /** Key of `context.rng`. The same key gives the same numbers wherever the op runs. */
  readonly rngKey: readonly number[]
}
