import type { Executor } from '../executor.ts'
import type { Range } from '../tuned.ts'
import type { FailureBudget, RetryOptions, StageContext } from '../types.ts'

/** How a `PipeStage` behaves. */
export interface PipeSettings {
  readonly op: (item: unknown, context: StageContext) => unknown
  /** The user's function behind it, if there is one that runs here. */
  readonly code: unknown
  readonly concurrency: number
  /** Between which numbers it may be set while the stage runs; `buffer` may be set then, too. */
  readonly range?: Range | undefined
  readonly outputOrder: 'completion' | 'input'
  readonly buffer: number
  readonly maxBytes: number | undefined
  readonly maxFailures: FailureBudget
  readonly retry: Required<RetryOptions> | undefined
  readonly timeoutMs: number | undefined
  /**
   * What runs the op, where it runs elsewhere. Asked for once the pipeline has started, for it may
   * be made then.
   */
  readonly executorOf: (() => Executor) | undefined
  /** Whether the op tells when it begins (`context.onStart`); its time counts from there. */
  readonly reportsStart: boolean
  /** Whether the op runs elsewhere, and a call of it holds the loop only to hand an item over. */
  readonly runsElsewhere: boolean
}
