import type { TunedOptions } from '../engine/tuned.ts'
import type { TuningMove } from '../tune/tune-types.ts'

/**
 * The options without the changes that are still being measured, because their effect is unknown.
 */
export function confirmed(
  options: Readonly<Record<string, TunedOptions>>,
  moves: readonly TuningMove[],
): Record<string, TunedOptions> {
  const found = { ...options }
  // In reverse order: of several trials of one number, the first started from the confirmed value.
  for (const { stage, option, from, outcome } of [...moves].reverse()) {
    if (outcome !== 'pending') continue
    const before =
      option !== 'workers'
        ? { [option]: from }
        : options[stage]?.workers === undefined
          ? { executor: { size: from } }
          : { workers: { count: from } }
    found[stage] = { ...found[stage], ...before }
  }
  return found
}
