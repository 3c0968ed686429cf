import type { TuningMove } from '../tune/tune-types.ts'
import type { PipeConfig } from './config.ts'
import type { BuildOptions, TuneMode } from './types.ts'

/** Largest concurrency that is tried where no other bound is given. */
export const MOST_CALLS = 256

/** What a pipeline has changed by itself; see `docs/tuning.md`. */
export interface Tuning {
  /** Every change so far, those that were rolled back included; at most the last 1000. */
  readonly moves: readonly TuningMove[]
  /**
   * The numbers that are confirmed, to be given to `pipe()` instead of `'auto'`: by the name of the
   * stage. A number that is being measured counts as it was before. Empty where nothing is tuned.
   */
  readonly options: Readonly<Record<string, TunedOptions>>
}

/** Where nothing is tuned. */
export const noTuning: Tuning = { moves: [], options: {} }

/** Options of a stage. `executor.size`: that of the pool it runs in. */
export interface TunedOptions {
  readonly concurrency?: number
  readonly buffer?: number
  readonly executor?: { readonly size: number }
}

/** Between which numbers something is tuned. */
export interface Range {
  readonly min: number
  readonly max: number
}

/** What `build({ tune })` says; `undefined` where it says nothing. */
export function tuneMode(tune: BuildOptions['tune']): TuneMode | undefined {
  return typeof tune === 'object' ? (tune.mode ?? 'continuous') : tune
}

/** Between which numbers a stage's concurrency is tuned; `undefined`: it is not. */
export function rangeOf(
  { range, concurrency, isElements }: PipeConfig,
  tune: BuildOptions['tune'],
): Range | undefined {
  const mode = tuneMode(tune)
  if (mode === 'off') return undefined
  if (range !== undefined || mode === undefined || isElements) return range
  return { min: 1, max: Math.max(MOST_CALLS, concurrency) }
}
