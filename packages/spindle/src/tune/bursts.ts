/** The time between two samples, and the number of items that arrived in it. */
export interface Tick {
  readonly ms: number
  readonly coreMs: number
  readonly items: number
}

export interface Rate {
  readonly rate: number
  /** The relative standard error. */
  readonly error: number
}

/** Share of ticks without items, and number of items in the others, from which on items burst. */
const SILENT = 0.3
const ITEMS_A_BURST = 4

/**
 * Whether items arrive in bursts. Calls of the same length that began together also end together,
 * and then a period that is not a multiple of their length shows a wrong rate.
 */
export function areBursts(ticks: readonly Tick[]): boolean {
  const withItems = ticks.filter(({ items }) => items > 0)
  const items = withItems.reduce((sum, tick) => sum + tick.items, 0)
  return (
    withItems.length > 0 &&
    withItems.length <= (1 - SILENT) * ticks.length &&
    items >= ITEMS_A_BURST * withItems.length
  )
}

/**
 * The rate from the end of one burst to the end of another; `undefined` if there is no such period.
 * `afterItems`: items arrived just before the first tick.
 */
export function rateOfBursts(
  ticks: readonly Tick[],
  time: 'ms' | 'coreMs',
  afterItems: boolean,
): Rate | undefined {
  const periods = periodsOf(ticks, time, afterItems)
  const items = periods.reduce((sum, one) => sum + one.items, 0)
  const length = periods.reduce((sum, one) => sum + one.length, 0)
  if (items === 0 || length === 0) return undefined
  const rate = items / length
  const edges = 0.5 / Math.sqrt(items)
  const { length: n } = periods
  if (n === 1) return { rate, error: 2 * edges }
  const squares = periods.reduce((sum, one) => sum + (one.items - rate * one.length) ** 2, 0)
  const error = (Math.sqrt((n * squares) / (n - 1)) / items) * (1 + 1 / (n - 1))
  return { rate, error: Math.max(error, edges / n) }
}

/** Each period is a silence and the burst after it. The last one counts once silence follows. */
function periodsOf(
  ticks: readonly Tick[],
  time: 'ms' | 'coreMs',
  afterItems: boolean,
): readonly { readonly items: number; readonly length: number }[] {
  const periods: { items: number; length: number }[] = []
  let current = afterItems ? { items: 0, length: 0 } : undefined
  let before = afterItems ? 1 : 0
  for (const tick of ticks) {
    if (tick.items === 0 && before > 0) {
      if (current !== undefined && current.items > 0) periods.push(current)
      current = { items: 0, length: 0 }
    }
    before = tick.items
    if (current === undefined) continue
    current.items += tick.items
    current.length += tick[time]
  }
  return periods
}

/** The longest time without items, in milliseconds. */
export function longestSilence(ticks: readonly Tick[]): number {
  let longest = 0
  let silence = 0
  for (const { ms, items } of ticks) {
    silence = items === 0 ? silence + ms : 0
    longest = Math.max(longest, silence)
  }
  return longest
}
