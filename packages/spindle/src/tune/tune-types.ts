/**
 * Sums for one unit since the start. Times are in milliseconds; slot times are summed over slots.
 */
export interface UnitSample {
  /** Number of calls that began. */
  readonly tasks: number
  /** Slot time that was busy, and that waited for a worker of an executor. */
  readonly busyMs: number
  readonly queuedMs: number
  /** Slot time held by results that have no room, or that wait for earlier ones. */
  readonly blockedMs: number
  /** Slot time in total. */
  readonly slotMs: number
  /** Number of failures, time-outs, and attempts after the first. */
  readonly troubles: number
  /** Number of calls with a known duration, and the sum of these durations. */
  readonly timed: number
  readonly timedMs: number
  /** 99th percentile of the durations; 0 if unknown. */
  readonly slowMs: number
  /** Number of outputs. */
  readonly emitted: number
  /** How long its ops have blocked the event loop. */
  readonly loopMs: number
  /** How long its exit queue was empty, and full. */
  readonly emptyMs: number
  readonly fullMs: number
  /** Size of one of its items in bytes; 0 if unknown. */
  readonly itemBytes: number
  /**
   * Number of calls now in flight, and of results now waiting: in its exit queue, or for earlier
   * ones.
   */
  readonly running: number
  readonly waiting: number
}

/** The state at one moment. Sums begin with the pipeline. */
export interface TuneSample {
  readonly atMs: number
  /** Number of items that the consumer has taken. */
  readonly items: number
  /** How long the consumer has waited. */
  readonly waitMs: number
  /** CPU time that this process, and all other processes, have used. */
  readonly cpuMs: number
  readonly othersMs: number
  readonly cores: number
  /** Memory in use now, in bytes. */
  readonly memoryBytes: number
  /** Longest delay of the event loop since the previous sample. */
  readonly loopDelayMs: number
  readonly units: readonly UnitSample[]
}

/** A number that can be changed while the pipeline runs. */
export interface TunableNumber {
  readonly min: number
  readonly max: number
  readonly value: number
}

/** Something whose size is tuned: the concurrency of a stage, or the workers of a pool. */
export interface Unit extends TunableNumber {
  readonly name: string
  readonly option: 'concurrency' | 'workers'
  /** Whether it gives its results in input order. */
  readonly isOrdered?: boolean
  /** Capacity of its exit queue, if it may be tuned. */
  readonly buffer?: TunableNumber
}

/** A change to apply now. `unit`: index in the list of units. */
export interface Change {
  readonly unit: number
  readonly option: 'concurrency' | 'workers' | 'buffer'
  readonly value: number
}

/** Why a number was changed. */
export type TuningReason = 'climb' | 'unused' | 'memory' | 'errors' | 'loop' | 'buffer'

/** A change of one number, and its result. */
export interface TuningMove {
  /** Milliseconds since the start of the pipeline. */
  readonly atMs: number
  /** The stage whose number was changed, or the stage of the pool. */
  readonly stage: string
  readonly option: 'concurrency' | 'workers' | 'buffer'
  readonly from: number
  readonly to: number
  /**
   * Why: `'climb'` searches for a better number, up or down. `'unused'` removes unused slots.
   * `'buffer'`: an exit queue was empty and full in turns. `'memory'`, `'errors'`, `'loop'`: a
   * guard's limit was exceeded.
   */
  readonly reason: TuningReason
  /** `'pending'` while it is measured; `'rolled back'`: the previous number was restored. */
  readonly outcome: 'pending' | 'accepted' | 'rolled back'
  /**
   * The measurements: `itemsPerSec` and `itemsPerSecBefore` with their relative errors (`error`,
   * `errorBefore`), shares of the consumer's waiting, mean numbers of busy slots, cores used,
   * bytes, share of calls with failures or retries, and the duration of the measurement
   * (`measuredMs`).
   */
  readonly evidence: Readonly<Record<string, number>>
}

export interface TunerSettings {
  readonly mode: 'once' | 'continuous'
  readonly units: readonly Unit[]
  /** Maximum number of bytes that the pipeline may use. */
  readonly memoryBytes: number
}
