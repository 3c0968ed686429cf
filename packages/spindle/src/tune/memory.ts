import type { Figures, UnitFigures } from './figures.ts'

/** Share of the memory that is to be used. */
const MEMORY_ROOM = 0.95

/**
 * How large a number may become for which `value` is in use now: what one more of it holds has to
 * fit into the memory that is left.
 */
export function fitting(
  figures: Figures,
  unit: UnitFigures,
  value: number,
  memoryBytes: number,
): number {
  if (unit.itemBytes === 0) return Number.POSITIVE_INFINITY
  const left = MEMORY_ROOM * memoryBytes - figures.memoryBytes
  return value + Math.floor(left / unit.itemBytes)
}
