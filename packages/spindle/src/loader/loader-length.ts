import { isSeekable } from '../engine/seekable.ts'
import type { LoaderOptions } from './loader-options.ts'

/**
 * Number of batches per epoch if nothing is dropped; `undefined` if the source or the options do
 * not determine it.
 */
export function batchesIn(
  source: unknown,
  { batchSize, aggregate, dropLast = false }: LoaderOptions,
): number | undefined {
  const items = itemsIn(source)
  if (items === undefined || aggregate !== undefined) return undefined
  const batches = items / (batchSize ?? 1)
  return dropLast ? Math.floor(batches) : Math.ceil(batches)
}

/** Number of items that one iteration of the source gives. */
function itemsIn(source: unknown): number | undefined {
  if (isSeekable(source)) {
    if (source.size === undefined) return undefined
    const { rank, worldSize } = source.shard ?? { rank: 0, worldSize: 1 }
    return Math.ceil(Math.max(0, source.size - rank) / worldSize)
  }
  if (typeof source !== 'object' || source === null) return undefined
  const { length, size } = source as { length?: unknown; size?: unknown }
  return [length, size].find(
    (count) => typeof count === 'number' && Number.isInteger(count) && count >= 0,
  ) as number | undefined
}
