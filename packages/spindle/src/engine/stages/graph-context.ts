import type { ItemError, StageFailure } from '../../errors.ts'
import type { Executor } from '../executor.ts'
import type { Item } from '../flow/item.ts'
import type { ItemPool } from '../flow/item-pool.ts'
import type { ResumeTracker } from '../progress/resume-tracker.ts'
import type { Logger, StageInfo, TaskHook } from '../types.ts'

/** What the graph knows a stage by that tells it something. */
interface Teller {
  readonly info: StageInfo
}

/** What stages know of the graph they stand in: whom to tell. */
export interface GraphContext {
  readonly pipelineId: number
  readonly seed: number
  readonly logger: Logger
  /** Milliseconds since the start; 0 before. */
  readonly elapsedMs: number
  /** Items to use again. */
  readonly itemPool: ItemPool
  /** Keeps book of all items, where the run can be resumed. */
  readonly book: ResumeTracker | undefined
  /** The pipeline's own threads, made when first asked for. */
  readonly threads: Executor
  /** Whether somebody waits for the graph to come to rest; see {@link GraphContext.rested}. */
  readonly isDraining: boolean
  /** The hooks of a stage. */
  hooksOf(stage: Teller): readonly TaskHook[]
  /** A stage began. */
  stageStarted(stage: Teller): void
  /** A stage failed; it will end, too. */
  stageFailed(stage: Teller, failure: StageFailure): void
  /** A stage has nothing running and will never have. */
  stageEnded(stage: Teller): void
  /** How many failed items may be on their way to the user at once, where they go there. */
  readonly mostLetters: number | undefined
  /**
   * An item was dropped because it failed; it is retired after that. A promise, if its task must
   * keep its slot until that resolves.
   */
  itemFailed(stage: Teller, failure: ItemError, item: Item): Promise<void> | undefined
  /** A stage stopped running something while {@link isDraining}. */
  rested(): void
}
