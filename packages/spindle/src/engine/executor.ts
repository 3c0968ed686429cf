import type { StageInfo } from '../op-context.ts'

/**
 * Runs ops somewhere else than on the caller's loop. A `ThreadPool` is one, and so is a Piscina
 * instance as it comes: the shape is that of its `run(task, options)`. What an executor does not
 * know of, it ignores.
 */
export interface Executor {
  /**
   * Calls the op that `call` names with `item`; settles with what it returns or throws, and rejects
   * with the signal's reason when that is aborted.
   */
  run(item: unknown, call: ExecutorCall): Promise<unknown>
  /**
   * Whether `call.onStart` is called when the op begins. `timeoutMs` then counts from there;
   * otherwise from the call, waiting for a free worker included.
   */
  readonly reportsStart?: boolean
  /**
   * Whether it heeds `initArgs` and `bound` of its calls. An op that has some is refused by
   * `pipe()` with an executor that does not say so, for the op would be called without them.
   */
  readonly bindsValues?: boolean
  /** What runs the calls, for the report: it then tells when all of it is in use. */
  readonly workers?: ExecutorWorkers
  /** Its workers, where their number can be changed: a pipeline that is tuned does so. */
  readonly sizing?: WorkerNumber
  /**
   * Told by a pipeline that starts: so many calls at a time are to be expected. Workers may be
   * started for them.
   */
  warmUp?(calls: number): void
}

/** What runs an executor's calls. */
export interface ExecutorWorkers {
  readonly kind: 'thread' | 'process'
  /** How many there are, or may be. */
  readonly count: number
  /** The executor to which they belong, if it is another one. */
  readonly of?: object
}

/** How many workers an executor has at most, and how that is changed. */
export interface WorkerNumber {
  readonly size: number
  readonly min: number
  readonly max: number
  /** Whether a range was asked for, rather than one number. */
  readonly isRange: boolean
  /** Workers at work now, and calls that wait for one. */
  readonly busy: number
  readonly waiting: number
  /**
   * Sets it, to an integer from `min` to `max`. More start when there is work for them; those that
   * are too many take no more calls, and end after those they have.
   */
  resize(size: number): void
}

/** Which op is to be called, and with what besides the item. */
export interface ExecutorCall {
  /** URL of the module. */
  readonly filename: string
  /** Name of the exported function. */
  readonly name: string
  /** Name of an exported function to call once in each worker before the module's first op. */
  readonly init?: string | undefined
  /** What that is called with. */
  readonly initArgs?: unknown
  /** Values that follow the item; then comes the context. See {@link Executor.bindsValues}. */
  readonly bound?: readonly unknown[] | undefined
  /** Aborted when the result is no longer wanted. May be shared by many calls. */
  readonly signal: AbortSignal
  /** What the op's second argument is made from. Without it the op gets one that says nothing. */
  readonly context?: CallContext | undefined
  /**
   * Calls with a higher one go first. A pipeline gives the number of the stage, which rises towards
   * the sink.
   */
  readonly priority?: number | undefined
  /**
   * The op's limit, in milliseconds, which the caller looks after. The clock of a call whose worker
   * says nothing for so long is started without its word.
   */
  readonly timeoutMs?: number | undefined
  /** Called when the op begins, each time it does. */
  readonly onStart?: (() => void) | undefined
  /** Called when it has ended, just before the result is given. */
  readonly onSpan?: ((span: WorkerSpan) => void) | undefined
}

/**
 * Where and when an executor ran an op; times in milliseconds since 1970, by the worker's own
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
  /** What `context.rng` is made from: the same key gives the same numbers in every placement. */
  readonly rngKey: readonly number[]
}
