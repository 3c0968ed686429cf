import type { PipeConfig } from './config.ts'
import type { BuildOptions, TuneMode } from './types.ts'

/** Largest concurrency that is tried where no other bound is given. */
export const MOST_CALLS = 256

/** What `build({ tune })` says; `undefined` where it says nothing. */
export function tuneMode(tune: BuildOptions['tune']): TuneMode | undefined {
  return typeof tune === 'object' ? (tune.mode ?? 'continuous') : tune
}

/** Between which numbers a stage's concurrency is tuned; `undefined`: it is not. */
export function rangeOf(
  { range, concurrency, isElements }: PipeConfig,
  tune: BuildOptions['tune'],
): { readonly min: number; readonly max: number } | undefined {
  const mode = tuneMode(tune)
  if (mode === 'off') return undefined
  if (range !== undefined || mode === undefined || isElements) return range
  return { min: 1, max: Math.max(MOST_CALLS, concurrency) }
}
