/** One stage at one concurrency. */
export interface ProfileLevel {
  readonly concurrency: number
  /** Inputs that the stage processes per second when it runs alone, without failed ones. */
  readonly perSecond: number
  /** Half-width of the 95 % confidence interval of `perSecond`, relative to `perSecond`. */
  readonly spread: number
  readonly rounds: number
  /** Duration of a call in milliseconds: median and 99th percentile. */
  readonly p50Ms: number
  readonly p99Ms: number
  /** Share of the time in which the stage's op blocked the event loop. */
  readonly loopShare: number
  /** Average number of cores used by this process (on Linux with its descendants). */
  readonly cpuCores: number
  /**
   * Share of the machine's CPU time used by all processes, 0 to 1. Near 1, no concurrency adds
   * anything.
   */
  readonly machineBusy: number
  /** Number of failed inputs in all rounds, and their share of all inputs. */
  readonly failures: number
  readonly failedShare: number
}

/** One stage by itself, at several concurrencies. */
export interface StageProfile {
  readonly name: string
  readonly where: string | undefined
  /** Concurrency of the stage in the pipeline. */
  readonly concurrency: number
  readonly levels: readonly ProfileLevel[]
  /** Concurrencies that were not tried because the stage had fewer inputs. */
  readonly unfilled: readonly number[]
  /** Lowest concurrency that is about as good as the best. */
  readonly knee: number
  /**
   * How the rate depends on concurrency. `'scales'`: the highest level is still clearly better;
   * `'flat'`: concurrency never helps; `'saturates'`: between the two; `'falls'`: high concurrency
   * is slower.
   */
  readonly shape: 'scales' | 'saturates' | 'flat' | 'falls'
  /** Number of source items that one input of this stage stands for. */
  readonly sourceItemsPerInput: number
}

/** One source by itself. */
export interface SourceProfile {
  readonly name: string
  /**
   * Items per second that the source gives to a consumer that never waits, counted after the first
   * item; `undefined` if there were too few items.
   */
  readonly perSecond: number | undefined
}

/** What limits the pipeline, and its rate in source items per second. */
export interface ProfileLimit {
  /**
   * `'loop'` and `'cpu'`: together, the stages need more than one event loop, or more than all
   * cores.
   */
  readonly kind: 'stage' | 'source' | 'loop' | 'cpu'
  /** Name of the stage or source. For a shared resource, the stage that uses most of it. */
  readonly stage: string
  readonly perSecond: number
}

/** A change of one stage's concurrency that makes the pipeline faster. */
export interface ProfileAdvice {
  readonly stage: string
  readonly where: string | undefined
  /** From `concurrency` in the pipeline to the lowest measured number that is fast enough. */
  readonly from: number
  readonly to: number
  /**
   * Factor by which the stage gets faster, limited by what the rest of the pipeline can process. At
   * least 1.2.
   */
  readonly gain: number
}

/** The result of `profilePipeline()`. `String(result)` gives a readable text. */
export interface ProfileResult {
  readonly stages: readonly StageProfile[]
  /** Several if the pipeline merges sources. */
  readonly sources: readonly SourceProfile[]
  /** The lowest limit: of stages at their knees, the source, the event loop and the cores. */
  readonly limit: ProfileLimit | undefined
  /** Stages that are already as fast as the limit get no advice. */
  readonly advice: readonly ProfileAdvice[]
  /**
   * `columns`: maximum width of a line in terminal cells. Default: the width of the terminal if
   * standard output is one, otherwise no limit.
   */
  toString(columns?: number): string
}

/** Options of `profilePipeline()`. */
export interface ProfileOptions {
  /**
   * Number of items taken from the source, an integer >= 1. Each stage is measured with what the
   * stage before it made of them, several times over. Concurrencies above the number of a stage's
   * inputs are not tried. Default 200.
   */
  readonly inputs?: number
  /**
   * Concurrencies to try besides the stage's own, integers >= 1. Default 1, 2, 4, 8, 16, 32.
   * Aggregates, variants and regions run once, with their own concurrency.
   */
  readonly concurrencies?: readonly number[]
  /**
   * Required precision of a level: half-width of the 95 % interval of the mean over rounds,
   * relative to the mean. Default 0.05.
   */
  readonly precision?: number
  /**
   * Maximum time for a level, in milliseconds; its result then counts with the precision reached.
   * Default 2000.
   */
  readonly maxMsPerLevel?: number
  /** Called after each stage. */
  readonly onStage?: (stage: StageProfile) => void
  /** Aborts the profile; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/** Checked {@link ProfileOptions}. */
export type ProfileSettings = Required<Omit<ProfileOptions, 'onStage' | 'signal'>> & {
  readonly onStage: ProfileOptions['onStage']
  readonly signal: ProfileOptions['signal']
}
