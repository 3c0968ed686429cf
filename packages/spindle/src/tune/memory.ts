import type { Figures, UnitFigures } from './figures.ts'

/** Share of the memory limit that may be used. */
const MEMORY_ROOM = 0.98

/**
 * The highest number that fits in memory, if `value` is the current one: each further one needs the
 * memory of one item.
 */
export function fitting(
  figures: Figures,
  unit: UnitFigures,
  value: number,
  memoryBytes: number,
): number {
  if (unit.itemBytes === 0) return Number.POSITIVE_INFINITY
  const left = MEMORY_ROOM * memoryBytes - figures.mostMemoryBytes
  return value + Math.floor(left / unit.itemBytes)
}
