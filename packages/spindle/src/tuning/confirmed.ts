import type { TunedOptions } from '../engine/tuned.ts'
import type { TuningMove } from '../tune/tune-types.ts'

/**
 * The options as they were before what is still being measured: nobody knows yet whether that
 * helps.
 */
export function confirmed(
  options: Readonly<Record<string, TunedOptions>>,
  moves: readonly TuningMove[],
): Record<string, TunedOptions> {
  const found = { ...options }
  // Backwards: of several trials of one number, the first began at what is confirmed.
  for (const { stage, option, from, outcome } of [...moves].reverse()) {
    if (outcome !== 'pending') continue
    const before = option === 'workers' ? { executor: { size: from } } : { [option]: from }
    found[stage] = { ...found[stage], ...before }
  }
  return found
}
