import { describeItem, type Item } from '../flow/item.ts'
import type { StageInfo } from '../types.ts'

/** Number of items that a message names. It gives the number of the others. */
const MOST_NAMED = 8

/**
 * User code that a stage has called and that has not ended: a promise, a generator, a source, a
 * hook.
 */
export interface PendingWork {
  /** Name of the stage. `'consumer'` for the code that takes the items. */
  readonly stage: string
  /** Where the stage was added, for example `train.ts:41`. */
  readonly where: string | undefined
  /**
   * Positions of the items in their source: `'17'`, or `'17.0'` for outputs of generators. Empty if
   * no item is involved.
   */
  readonly items: readonly string[]
  /** Describes what has not ended: `'has not finished item 17'`. */
  readonly what: string
}

/** Describes unfinished calls for items. `what` is `has not finished`, for example. */
export function pendingItems(info: StageInfo, what: string, items: readonly Item[]): PendingWork {
  const positions = items.map((item) => (item.index < 0 ? 'the last batch' : describeItem(item)))
  return pendingPositions(info, what, positions)
}

export function pendingPositions(
  info: StageInfo,
  what: string,
  items: readonly string[],
): PendingWork {
  const named = items.slice(0, MOST_NAMED).join(', ')
  const more = items.length > MOST_NAMED ? ` and ${items.length - MOST_NAMED} more` : ''
  const word = items[0] === 'the last batch' ? '' : items.length === 1 ? 'item ' : 'items '
  const { name: stage, where } = info
  return { stage, where, items, what: `${what} ${word}${named}${more}` }
}

/**
 * `stage "load" (train.ts:41) has not finished items 3, 4`. Several entries are joined by
 * semicolons.
 */
export function describePending(work: readonly PendingWork[]): string {
  return work
    .map(({ stage, where, what }) => {
      const name = stage === 'consumer' ? 'the consumer' : `stage "${stage}"`
      return `${name}${where === undefined ? '' : ` (${where})`} ${what}`
    })
    .join('; ')
}
