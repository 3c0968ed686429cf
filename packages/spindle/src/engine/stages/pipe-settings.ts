import type { Executor } from '../executor.ts'
import type { Range } from '../tuned.ts'
import type { FailureBudget, RateLimit, RetrySettings, StageContext } from '../types.ts'

/** The settings of a `PipeStage`. */
export interface PipeSettings {
  readonly op: (item: unknown, context: StageContext) => unknown
  /** The user's function, if it runs on this event loop. */
  readonly code: unknown
  readonly concurrency: number
  /**
   * Limits for changes of `concurrency` while the stage runs. With them, `buffer` may change too.
   */
  readonly range?: Range | undefined
  readonly outputOrder: 'completion' | 'input'
  readonly buffer: number
  readonly maxBytes: number | undefined
  readonly maxFailures: FailureBudget
  readonly retry: RetrySettings | undefined
  readonly timeoutMs: number | undefined
  readonly rateLimit?: Required<RateLimit> | undefined
  /**
   * Returns the executor of an op that runs elsewhere. Called after the start of the pipeline,
   * because the executor may be created then.
   */
  readonly executorOf: (() => Executor) | undefined
  /** Whether the op reports its begin (`context.onStart`). Its time counts from there. */
  readonly reportsStart: boolean
  /**
   * Whether the op runs elsewhere. A call then blocks the event loop only while it hands over an
   * item.
   */
  readonly runsElsewhere: boolean
}
