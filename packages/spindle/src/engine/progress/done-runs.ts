import type { DoneRun } from '../resume-state.ts'

/** Which positions are one's own. */
interface Share {
  readonly rank: number
  readonly worldSize: number
}

/** Positions that are looked at at most before an answer need not be exact. */
const MOST_LOOKS = 65536

/**
 * What earlier runs have done beyond a low-water mark, seen from one share of the positions. It is
 * kept as runs, of which each has every `step`-th position: ranks that are far apart leave as many
 * of them as there are ranks, whatever the distance.
 *
 * Inside, the share's positions are counted 0, 1, 2, …; a run then has every `period`-th of them,
 * and runs of one period and remainder are disjoint intervals.
 */
export class DoneRuns {
  /** The runs, clipped to what there is. */
  readonly runs: readonly DoneRun[]
  /** From here on nothing is done. */
  readonly until: number
  private readonly share: Share
  /** By period, then by remainder: first, last, first, last, …, rising. */
  private readonly groups: [period: number, byRemainder: Map<number, number[]>][] = []
  /** After as many positions, all periods are where they were. */
  private readonly cycle: number

  /** `size`: how many positions there are, as far as is known. */
  constructor(runs: readonly DoneRun[], share: Share, size: number = Number.POSITIVE_INFINITY) {
    this.share = share
    this.runs = runs.flatMap((run) => clipped(run, size))
    const byPeriod = new Map<number, Map<number, number[]>>()
    let until = 0
    for (const run of this.runs) {
      const own = ownOf(run, share)
      if (own === undefined) continue
      const { period, first, last } = own
      until = Math.max(until, last + 1)
      const byRemainder = byPeriod.get(period) ?? new Map<number, number[]>()
      byPeriod.set(period, byRemainder)
      const intervals = byRemainder.get(first % period)
      if (intervals === undefined) byRemainder.set(first % period, [first, last])
      else intervals.push(first, last)
    }
    for (const [period, byRemainder] of byPeriod) {
      for (const [remainder, intervals] of byRemainder)
        byRemainder.set(remainder, joinIntervals(intervals, period))
      this.groups.push([period, byRemainder])
    }
    this.cycle = this.groups.reduce((cycle, [period]) => leastMultiple(cycle, period), 1)
    this.until = share.rank + until * share.worldSize
  }

  /** Whether a position of the share is done. */
  has(position: number): boolean {
    return this.reach((position - this.share.rank) / this.share.worldSize) >= 0
  }

  /**
   * The first position of the share from `position` on that is not done; `Infinity` if none is.
   * Where very many periods are woven into one another, it may be one that is done.
   */
  nextOpen(position: number): number {
    const { rank, worldSize } = this.share
    let looks = 0
    for (let at = (position - rank) / worldSize; ; ) {
      let reach = Number.POSITIVE_INFINITY
      for (let i = 0; i < this.cycle; i++) {
        const end = this.reach(at + i)
        if (end < 0) return rank + (at + i) * worldSize
        reach = Math.min(reach, end)
        if (++looks >= MOST_LOOKS) return rank + (at + i) * worldSize
      }
      // A whole cycle is done: so is what follows, until the first of its runs ends.
      if (reach === Number.POSITIVE_INFINITY) return reach
      at = reach + 1
    }
  }

  /** Where the run ends that has a position, as the share counts; -1 if none has. */
  private reach(at: number): number {
    let reach = -1
    for (const [period, byRemainder] of this.groups) {
      const intervals = byRemainder.get(at % period)
      if (intervals === undefined) continue
      const end = endOf(intervals, at)
      if (end > reach) reach = end
    }
    return reach
  }
}

/** Puts together intervals that overlap, or follow each other at a distance of `step`. */
export function joinIntervals(intervals: readonly number[], step: number): number[] {
  const pairs: [number, number][] = []
  for (let at = 0; at < intervals.length; at += 2)
    pairs.push([intervals[at] as number, intervals[at + 1] as number])
  pairs.sort(([a], [b]) => a - b)
  const joined: number[] = []
  for (const [first, last] of pairs) {
    const end = joined.at(-1)
    if (end !== undefined && first <= end + step) joined[joined.length - 1] = Math.max(end, last)
    else joined.push(first, last)
  }
  return joined
}

function endOf(intervals: readonly number[], at: number): number {
  let low = 0
  let high = intervals.length / 2
  while (low < high) {
    const middle = (low + high) >> 1
    if ((intervals[2 * middle + 1] as number) < at) low = middle + 1
    else high = middle
  }
  const first = intervals[2 * low]
  return first !== undefined && first <= at ? (intervals[2 * low + 1] as number) : -1
}

/** A run up to the end of the source; nothing if it begins behind it. */
function clipped([first, last, step]: DoneRun, size: number): DoneRun[] {
  if (first >= size) return []
  if (size === Number.POSITIVE_INFINITY || (last !== null && last < size))
    return [[first, last, step]]
  return [[first, first + Math.floor((size - 1 - first) / step) * step, step]]
}

/** What a run has of a share, as the share counts; `undefined` if nothing. */
function ownOf(
  [first, last, step]: DoneRun,
  { rank, worldSize }: Share,
): { readonly period: number; readonly first: number; readonly last: number } | undefined {
  const common = commonDivisor(worldSize, step)
  const distance = first - rank
  if (distance % common !== 0) return undefined
  const period = step / common
  const remainder = Number(
    modulo(
      BigInt(distance / common) * inverse(BigInt(worldSize / common), BigInt(period)),
      BigInt(period),
    ),
  )
  const from = Math.max(0, Math.ceil(distance / worldSize))
  const start = from + ((((remainder - from) % period) + period) % period)
  const to = last === null ? Number.POSITIVE_INFINITY : Math.floor((last - rank) / worldSize)
  if (to < start) return undefined
  const end = to === Number.POSITIVE_INFINITY ? to : to - ((to - start) % period)
  return { period, first: start, last: end }
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b)
}

function leastMultiple(a: number, b: number): number {
  return (a / commonDivisor(a, b)) * b
}

function modulo(value: bigint, by: bigint): bigint {
  return ((value % by) + by) % by
}

/**
 * What a number is to be multiplied by to leave the remainder 1; the two have no common divisor.
 */
function inverse(value: bigint, by: bigint): bigint {
  let [rest, next] = [by, modulo(value, by)]
  let [found, following] = [0n, 1n]
  while (next !== 0n) {
    const times = rest / next
    ;[rest, next] = [next, rest - times * next]
    ;[found, following] = [following, found - times * following]
  }
  return modulo(found, by)
}
