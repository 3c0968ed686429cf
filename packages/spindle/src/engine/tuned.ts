import type { TuningMove } from '../tune/tune-types.ts'
import type { PipeConfig } from './config.ts'
import type { BuildOptions, TuneMode } from './types.ts'

/** The largest concurrency that the tuner tries if no other limit is given. */
export const MOST_CALLS = 256

/** What the tuner of a pipeline has done; see `docs/tuning.md`. */
export interface Tuning {
  /** All changes, including those that were rolled back. At most the last 1000. */
  readonly moves: readonly TuningMove[]
  /**
   * The confirmed numbers by stage name. Pass them to `pipe()` instead of `'auto'`. A number that
   * is being measured appears with its previous value. Empty if the pipeline is not tuned.
   */
  readonly options: Readonly<Record<string, TunedOptions>>
}

/** The result if the pipeline is not tuned. */
export const noTuning: Tuning = { moves: [], options: {} }

/**
 * Options of a stage. `executor.size` is the size of the pool in which it runs. `workers.count` is
 * the number of workers of a region.
 */
export interface TunedOptions {
  readonly concurrency?: number
  readonly buffer?: number
  readonly executor?: { readonly size: number }
  readonly workers?: { readonly count: number }
}

/** The limits of a tuned number. */
export interface Range {
  readonly min: number
  readonly max: number
}

/** The mode of `build({ tune })`. `undefined` if it was not given. */
export function tuneMode(tune: BuildOptions['tune']): TuneMode | undefined {
  return typeof tune === 'object' ? (tune.mode ?? 'continuous') : tune
}

/** The limits of a stage's concurrency for the tuner. `undefined`: it is not tuned. */
export function rangeOf(
  { range, concurrency, isElements }: PipeConfig,
  tune: BuildOptions['tune'],
): Range | undefined {
  const mode = tuneMode(tune)
  if (mode === 'off') return undefined
  if (range !== undefined || mode === undefined || isElements) return range
  return { min: 1, max: Math.max(MOST_CALLS, concurrency) }
}
