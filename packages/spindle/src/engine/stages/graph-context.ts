import type { ItemError, StageFailure } from '../../errors.ts'
import type { Executor } from '../executor.ts'
import type { Item, ItemPool } from '../flow/item.ts'
import type { ResumeTracker } from '../progress/resume-tracker.ts'
import type { Logger, StageInfo, TaskHook } from '../types.ts'

/** How many dropped items of a stage cause a check. */
export const DROPPED_MANY = 10_000

/** A stage, as far as the graph needs it in these calls. */
interface Teller {
  readonly info: StageInfo
}

/** The part of the graph that its stages use. */
export interface GraphContext {
  readonly pipelineId: number
  readonly seed: number
  readonly logger: Logger
  /** Milliseconds since the start; 0 before. */
  readonly elapsedMs: number
  /** Settles when the pipeline has ended. `undefined` for the part of a graph in a worker. */
  readonly done?: Promise<void>
  /** Whether a source follows its items, so that stages ask which items are still needed. */
  readonly followsItems?: boolean
  /** Items to reuse. */
  readonly itemPool: ItemPool
  /** Tracks all items, if the run can be resumed. */
  readonly resumeTracker: ResumeTracker | undefined
  /** The pipeline's own threads, created on first use. */
  readonly threads: Executor
  /** Whether a stop waits for the graph to come to rest; see {@link GraphContext.rested}. */
  readonly isDraining: boolean
  /** The hooks of a stage. */
  hooksOf(stage: Teller): readonly TaskHook[]
  /** A stage began to run. */
  stageStarted(stage: Teller): void
  /** A stage failed. It will also end. */
  stageFailed(stage: Teller, failure: StageFailure): void
  /** A stage has nothing running, now and in future. */
  stageEnded(stage: Teller): void
  /** With a `deadLetter`: how many failed items may be on their way to it at once. */
  readonly mostLetters: number | undefined
  /**
   * An item was dropped because it failed; its caller retires it afterwards. Returns a promise if
   * the task must keep its slot until that resolves.
   */
  itemFailed(stage: Teller, failure: ItemError, item: Item): Promise<void> | undefined
  /**
   * A stage has dropped {@link DROPPED_MANY} items, which may be a mistake. Only the main side
   * warns.
   */
  droppedMany?(): void
  /** A stage became less busy while {@link isDraining}. */
  rested(): void
}
