import type { FailureBudget, RetryOptions, StageContext } from './types.ts'

/** How a `PipeStage` behaves. */
export interface PipeSettings {
  readonly op: (item: unknown, context: StageContext) => unknown
  /** The user's function behind it, if there is one that runs here. */
  readonly code: unknown
  readonly concurrency: number
  /** Whether `concurrency` and `buffer` may be changed while the stage runs. */
  readonly isResizable?: boolean
  readonly outputOrder: 'completion' | 'input'
  readonly buffer: number
  readonly maxBytes: number | undefined
  readonly maxFailures: FailureBudget
  readonly retry: Required<RetryOptions> | undefined
  readonly timeoutMs: number | undefined
  /** Whether the op tells when it begins (`context.onStart`); its time counts from there. */
  readonly reportsStart: boolean
  /** Whether the op runs elsewhere, and a call of it holds the loop only to hand an item over. */
  readonly runsElsewhere: boolean
}
