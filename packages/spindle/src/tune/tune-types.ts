/**
 * Sums over one unit, from the start to now. Times in milliseconds; those of slots count each slot.
 */
export interface UnitSample {
  /** Calls begun. */
  readonly tasks: number
  /** Slot-time at work, and waiting for a worker of an executor. */
  readonly busyMs: number
  readonly queuedMs: number
  /** Slot-time held by results that have no place, or wait for earlier ones. */
  readonly blockedMs: number
  /** Slot-time there was. */
  readonly slotMs: number
  /** Failures, time-outs and attempts after the first. */
  readonly troubles: number
  /** Calls whose time is known, and that time together. */
  readonly timed: number
  readonly timedMs: number
  /** What one call in a hundred takes longer than; 0 if that is not known. */
  readonly slowMs: number
  /** Items put out. */
  readonly emitted: number
  /** Time for which its ops held the event loop. */
  readonly loopMs: number
  /** For how long its exit queue was empty, and full. */
  readonly emptyMs: number
  readonly fullMs: number
  /** Bytes of one of its items; 0 if that is not known. */
  readonly itemBytes: number
  /** Calls in flight now, and results that wait now: in its exit queue, or for earlier ones. */
  readonly running: number
  readonly waiting: number
}

/** What is known at one moment. Sums begin with the pipeline. */
export interface TuneSample {
  readonly atMs: number
  /** Items that the consumer has taken. */
  readonly items: number
  /** For how long the consumer has waited. */
  readonly waitMs: number
  /** Processor time that this process, and all others, have used. */
  readonly cpuMs: number
  readonly othersMs: number
  readonly cores: number
  /** Memory in use now, in bytes. */
  readonly memoryBytes: number
  /** Longest delay of the event loop since the sample before. */
  readonly loopDelayMs: number
  readonly units: readonly UnitSample[]
}

/** A number that can be set while the pipeline runs. */
export interface Range {
  readonly min: number
  readonly max: number
  readonly value: number
}

/** Something whose size is tuned: the calls of a stage, the workers of a pool. */
export interface Unit extends Range {
  readonly name: string
  readonly option: 'concurrency' | 'workers'
  /** Whether it puts out results in the order of its inputs. */
  readonly isOrdered?: boolean
  /** Places of its exit queue, if they may be tuned. */
  readonly buffer?: Range
}

/** A number to set now. `unit`: index in the list of units. */
export interface Change {
  readonly unit: number
  readonly option: 'concurrency' | 'workers' | 'buffer'
  readonly value: number
}

/** Why a number was changed. */
export type TuningReason = 'climb' | 'unused' | 'memory' | 'errors' | 'loop' | 'buffer'

/** A change of one number, and what came of it. */
export interface TuningMove {
  /** Milliseconds since the start of the pipeline. */
  readonly atMs: number
  /** The stage, or the pool of the stage, whose number was changed. */
  readonly stage: string
  readonly option: 'concurrency' | 'workers' | 'buffer'
  readonly from: number
  readonly to: number
  /**
   * `'climb'`: a limit was searched for, upwards or downwards. `'unused'`: slots that were not used
   * are given back. `'buffer'`: an exit queue is empty and full in turns. `'memory'`, `'errors'`,
   * `'loop'`: a guard was exceeded.
   */
  readonly reason: TuningReason
  /** `'pending'` while it is measured; `'rolled back'`: the number is what it was before. */
  readonly outcome: 'pending' | 'accepted' | 'rolled back'
  /**
   * What it rests on: `itemsPerSec` and `itemsPerSecBefore` with their relative errors (`error`,
   * `errorBefore`), shares of the consumer's waiting, mean slots busy, cores used, bytes, share of
   * calls with failures or retries, and for how long was measured (`measuredMs`).
   */
  readonly evidence: Readonly<Record<string, number>>
}

export interface TunerSettings {
  readonly mode: 'once' | 'continuous'
  readonly units: readonly Unit[]
  /** Bytes that the pipeline may use. */
  readonly memoryBytes: number
}
