import type { DoneRun } from '../resume-state.ts'

/** The positions of one rank. */
interface Share {
  readonly rank: number
  readonly worldSize: number
}

/** Maximum number of positions to check. After that, the answer may be inexact. */
const MOST_LOOKS = 65536

/**
 * The positions after a low-water mark that earlier runs did, as seen by one rank. They are stored
 * as runs, each with every `step`-th position. Ranks whose progress differs leave only as many runs
 * as there are ranks, however large the difference.
 *
 * Internally, the rank's positions are counted 0, 1, 2, … A run then has every `period`-th of them.
 * Runs with the same period and remainder are disjoint intervals.
 */
export class DoneRuns {
  /** The runs, cut at the end of the source. */
  readonly runs: readonly DoneRun[]
  /** From this position on, nothing is done. */
  readonly until: number
  private readonly share: Share
  /** By period, then by remainder: first, last, first, last, … in rising order. */
  private readonly groups: [period: number, byRemainder: Map<number, number[]>][] = []
  /** After this many positions, the pattern of all periods repeats. */
  private readonly cycle: number

  /** `size`: the number of positions, if it is known. */
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

  /** Whether a position of the rank is done. */
  has(position: number): boolean {
    return this.reach((position - this.share.rank) / this.share.worldSize) >= 0
  }

  /**
   * The first position of the rank from `position` on that is not done. `Infinity` if there is
   * none. With very many different periods, it may be a position that is done.
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
      // A whole cycle is done. So are the positions after it, until the first of its runs ends.
      if (reach === Number.POSITIVE_INFINITY) return reach
      at = reach + 1
    }
  }

  /** The end of the run that contains a position, in the count of the rank. -1 if none does. */
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

/** Joins intervals that overlap, or that follow each other at a distance of `step`. */
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

/** Cuts a run at the end of the source. Empty if the run begins after the end. */
function clipped([first, last, step]: DoneRun, size: number): DoneRun[] {
  if (first >= size) return []
  if (size === Number.POSITIVE_INFINITY || (last !== null && last < size))
    return [[first, last, step]]
  return [[first, first + Math.floor((size - 1 - first) / step) * step, step]]
}

/**
 * The part of a run that belongs to a rank, in the count of the rank. `undefined` if there is none.
 */
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
 * The modular inverse: the number whose product with `value` has the remainder 1. `value` and `by`
 * have no common divisor.
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
