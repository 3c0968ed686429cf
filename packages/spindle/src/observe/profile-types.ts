/** One stage at one concurrency. */
export interface ProfileLevel {
  readonly concurrency: number
  /** Inputs that the stage takes a second, alone; those that fail are not counted. */
  readonly perSecond: number
  /** Half-width of the 95 % confidence interval of `perSecond`, as a share of it. */
  readonly spread: number
  readonly rounds: number
  /** Time of a call in milliseconds: median and 99th percentile. */
  readonly p50Ms: number
  readonly p99Ms: number
  /** Share of the time for which the stage's op held the loop. */
  readonly loopShare: number
  /** Cores that this process (on Linux with its descendants) used on average. */
  readonly cpuCores: number
  /**
   * Share of the machine's CPU time that was used by anybody, 0 to 1: near 1 no concurrency adds
   * anything.
   */
  readonly machineBusy: number
  /** Inputs that failed, in all rounds, and as a share of those given. */
  readonly failures: number
  readonly failedShare: number
}

/** A stage alone, at several concurrencies. */
export interface StageProfile {
  readonly name: string
  readonly where: string | undefined
  /** The concurrency it has in the pipeline. */
  readonly concurrency: number
  readonly levels: readonly ProfileLevel[]
  /** Concurrencies that were not tried, for the stage had fewer inputs than that. */
  readonly unfilled: readonly number[]
  /** The least concurrency that is about as good as the best. */
  readonly knee: number
  /**
   * `'scales'`: the highest level is still clearly better; `'flat'`: it never helps; `'saturates'`
   * between; `'falls'`: it hurts in the end.
   */
  readonly shape: 'scales' | 'saturates' | 'flat' | 'falls'
  /** Items of the source for which one input of this stage stands. */
  readonly sourceItemsPerInput: number
}

/** A source alone. */
export interface SourceProfile {
  readonly name: string
  /**
   * Items that it gives a second to whoever takes them at once, after the first; `undefined` if it
   * gave too few to tell.
   */
  readonly perSecond: number | undefined
}

/** What limits the pipeline, and the source items a second that it lets through. */
export interface ProfileLimit {
  /**
   * `'loop'` and `'cpu'`: the stages together need more of the event loop, or of the cores, than
   * there is.
   */
  readonly kind: 'stage' | 'source' | 'loop' | 'cpu'
  /** Name of the stage or source; of what stages share, the one that takes the most of it. */
  readonly stage: string
  readonly perSecond: number
}

/** A change of one stage's concurrency that makes the pipeline faster. */
export interface ProfileAdvice {
  readonly stage: string
  readonly where: string | undefined
  /** `concurrency` in the pipeline, and the least number tried that does it. */
  readonly from: number
  readonly to: number
  /**
   * How many times more the stage then lets through: no more than the rest of the pipeline does. At
   * least 1.2.
   */
  readonly gain: number
}

/** What `profilePipeline()` found. `String(result)` is for people. */
export interface ProfileResult {
  readonly stages: readonly StageProfile[]
  /** Of merges, several. */
  readonly sources: readonly SourceProfile[]
  /** The least of what stages at their knees, the source, the loop and the cores let through. */
  readonly limit: ProfileLimit | undefined
  /** None for stages that are as fast as the limit already. */
  readonly advice: readonly ProfileAdvice[]
  /**
   * `columns`: cells that a line may take. Default: those of the terminal if standard output is
   * one, otherwise no limit.
   */
  toString(columns?: number): string
}
