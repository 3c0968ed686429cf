import type { DoneRun, EpochState } from '../resume-state.ts'
import { DoneRuns, joinIntervals } from './done-runs.ts'
import { SourceGroup, type SourceProgress, type TrackedItem } from './pending-group.ts'

/** Marks a position that is done. */
const DONE = 0

type Entry = TrackedItem | SourceGroup | typeof DONE | undefined

/**
 * The progress of one epoch of one source: a low-water mark, and the state of later positions in a
 * ring. Positions of other ranks are ignored.
 *
 * Positions after the mark that earlier runs did are in `earlier`. They take no place in the ring,
 * because they may be far away. As long as there are any, the ring has gaps, and `places` lists the
 * positions in the ring. After the last of them, the place is calculated from the position.
 */
export class Progress implements SourceProgress {
  /** Number of the source in the graph. */
  readonly source: number
  readonly epoch: number
  /** All of this rank's positions before this one are done. */
  low: number
  /** Whether the source waits for progress. */
  isWatched = false
  private readonly shard: { readonly rank: number; readonly worldSize: number }
  private readonly step: number
  private readonly onChange: () => void
  /**
   * The positions from `low` on: the item or group of a position, or that it is done. `undefined`
   * if its state is unknown.
   */
  private ring: Entry[] = [undefined]
  private head = 0
  /** Number of places in the ring that are in use. */
  private length = 0
  private earlier: DoneRuns | undefined
  /** Whether an earlier run did all remaining positions, wherever the end is. */
  private isCovered = false
  /** With gaps: the positions in the ring. */
  private places: number[] = []
  /** With gaps: number of positions that were put into the ring. */
  private issued = 0
  /** Positions that an earlier run did in part, with the outputs that are done. */
  private readonly parts: Map<number, ReadonlySet<string>> = new Map()
  private end: number | undefined
  /**
   * Positions below this one may be issued before {@link mayIssue} must check again. With gaps: a
   * number of positions.
   */
  private nextLook: number

  /** `size`: the number of positions of the source, if it is known. */
  constructor(
    source: number,
    epoch: number,
    shard: { readonly rank: number; readonly worldSize: number },
    state: EpochState | undefined,
    onChange: () => void,
    size?: number,
  ) {
    this.source = source
    this.epoch = epoch
    this.shard = shard
    this.step = shard.worldSize
    this.onChange = onChange
    this.low = firstFrom(0, shard)
    if (state !== undefined) this.goOnFrom(state, size)
    this.nextLook = this.earlier === undefined ? this.low : 0
  }

  private goOnFrom(state: EpochState, size: number | undefined): void {
    const { shard } = this
    this.low = firstFrom(state.low, shard)
    this.end = state.end
    const isDone = state.end !== undefined && state.low >= state.end
    const end =
      size === undefined || size === Number.POSITIVE_INFINITY ? undefined : firstFrom(size, shard)
    if (isDone || (end !== undefined && this.low >= end)) {
      this.low = end ?? this.low
      this.end = this.low
      return
    }
    for (const [position, ways] of Object.entries(state.parts ?? {})) {
      if (Number(position) % shard.worldSize === shard.rank)
        this.parts.set(Number(position), new Set(ways))
    }
    const runs = runsOf(state)
    if (runs.length === 0) return
    this.earlier = new DoneRuns(runs, shard, size)
    this.settle(this.low)
  }

  /** Whether the source has ended and all its positions are done. */
  get isFinished(): boolean {
    return this.isExhausted && this.length === 0
  }

  /** Whether there are no more positions to issue. */
  get isExhausted(): boolean {
    return this.isCovered || (this.end !== undefined && this.low >= this.end)
  }

  /** Whether there are positions after the mark that an earlier run did. */
  get hasGaps(): boolean {
    return this.earlier !== undefined
  }

  /**
   * The first position from this one on that no earlier run did, or a position before that one.
   * `Infinity` if there is none.
   */
  nextOpen(position: number): number {
    return this.earlier === undefined ? position : this.earlier.nextOpen(position)
  }

  isDone(position: number): boolean {
    if (position < this.low) return true
    const { earlier } = this
    return earlier !== undefined && position < earlier.until && earlier.has(position)
  }

  /** An item of the source begins. */
  born(item: TrackedItem): void {
    this.put(item.index, item)
    if (this.parts.size > 0 && this.parts.has(item.index)) item.group = this.enlarge(item)
  }

  /** Gives a group to an item from which more items come. */
  enlarge(item: TrackedItem): SourceGroup {
    const position = item.index
    const group = new SourceGroup(this, position, this.parts.get(position))
    this.parts.delete(position)
    this.put(position, group)
    return group
  }

  /** Records that a position is done. */
  close(position: number): void {
    if (position === this.low && this.length > 0) {
      this.advance()
      if (this.ring[this.head] === DONE) this.rise()
    } else {
      this.put(position, DONE)
      this.rise()
    }
    if (this.isWatched) this.onChange()
  }

  /** A change for which the source may have waited. */
  stirred(): void {
    if (this.isWatched) this.onChange()
  }

  /** The source has ended. `position` would have been its next position. */
  ended(position: number): void {
    if (!this.isCovered) this.end = position
  }

  /**
   * Whether `position` is less than `span` ahead of the first position in progress. Otherwise, a
   * stuck item would let the state grow without limit.
   */
  mayIssue(position: number, span: number): boolean {
    if (this.earlier !== undefined) return this.mayIssueMore(span)
    if (position < this.nextLook) return true
    const at = this.firstActive()
    this.nextLook = (at < this.length ? this.low + at * this.step : position) + span * this.step
    return position < this.nextLook
  }

  private mayIssueMore(span: number): boolean {
    if (this.issued < this.nextLook) return true
    this.nextLook = this.issued - this.length + this.firstActive() + span
    return this.issued < this.nextLook
  }

  private firstActive(): number {
    for (let at = 0; at < this.length; at++) {
      const one = this.ring[(this.head + at) & (this.ring.length - 1)]
      if (one === undefined || one === DONE) continue
      if (one instanceof SourceGroup ? one.isActive : !one.isParked) return at
    }
    return this.length
  }

  toState(): EpochState {
    const own: number[] = []
    const parts: [string, readonly string[]][] = []
    for (const [position, ways] of this.parts) parts.push([String(position), [...ways]])
    let isRun = false
    for (let at = 0; at < this.length; at++) {
      const slot = (this.head + at) & (this.ring.length - 1)
      const position =
        this.earlier === undefined ? this.low + at * this.step : (this.places[slot] as number)
      const one = this.ring[slot]
      // Positions between two neighbours in the ring were done before.
      if (one === DONE && isRun) own[own.length - 1] = position
      else if (one === DONE) own.push(position, position)
      else if (one instanceof SourceGroup && one.done !== undefined && one.done.size > 0)
        parts.push([String(position), [...one.done]])
      isRun = one === DONE
    }
    const { done, runs } = this.withEarlier(own)
    return {
      epoch: this.epoch,
      low: this.low,
      ...(done.length === 0 ? {} : { done }),
      ...(runs.length === 0 ? {} : { runs }),
      ...(parts.length === 0 ? {} : { parts: Object.fromEntries(parts) }),
      ...(this.end === undefined ? {} : { end: this.end }),
    }
  }

  private withEarlier(own: readonly number[]): {
    done: readonly number[]
    runs: readonly DoneRun[]
  } {
    if (this.earlier === undefined || (this.isExhausted && !this.isCovered))
      return { done: own, runs: [] }
    const done = [...own]
    const runs: DoneRun[] = []
    for (const run of this.earlier.runs) {
      const [first, last, step] = run
      if (last !== null && last <= this.low) continue
      if (step !== 1 || last === null) {
        runs.push(run)
        continue
      }
      const from = firstFrom(Math.max(first, this.low), this.shard)
      const to = firstFrom(last + 1, this.shard) - this.step
      if (from <= to) done.push(from, to)
    }
    return { done: joinIntervals(done, this.step), runs }
  }

  private put(position: number, one: Entry): void {
    const at =
      this.earlier === undefined ? (position - this.low) / this.step : this.placeOf(position)
    while (at >= this.ring.length) this.grow()
    const slot = (this.head + at) & (this.ring.length - 1)
    this.ring[slot] = one
    if (at < this.length) return
    this.length = at + 1
    if (this.earlier === undefined) return
    this.places[slot] = position
    this.issued++
  }

  /** Binary search, because positions rise. */
  private placeOf(position: number): number {
    let [low, high] = [0, this.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.places[(this.head + middle) & (this.ring.length - 1)] as number) < position)
        low = middle + 1
      else high = middle
    }
    return low
  }

  private grow(): void {
    const { ring, places } = this
    const grown: Entry[] = new Array(ring.length * 2).fill(undefined)
    const grownPlaces: number[] =
      this.earlier === undefined ? [] : new Array(ring.length * 2).fill(0)
    for (let at = 0; at < this.length; at++) {
      const slot = (this.head + at) & (ring.length - 1)
      grown[at] = ring[slot]
      if (this.earlier !== undefined) grownPlaces[at] = places[slot] as number
    }
    this.ring = grown
    this.places = grownPlaces
    this.head = 0
  }

  private rise(): void {
    while (this.length > 0 && this.ring[this.head] === DONE) this.advance()
  }

  private advance(): void {
    const { head } = this
    this.ring[head] = undefined
    this.head = (head + 1) & (this.ring.length - 1)
    this.length--
    if (this.earlier === undefined) this.low += this.step
    else
      this.settle(
        this.length > 0
          ? (this.places[this.head] as number)
          : (this.places[head] as number) + this.step,
      )
  }

  /**
   * Everything before `position` is done. Raises the mark, and moves it past positions that earlier
   * runs did.
   */
  private settle(position: number): void {
    const { earlier } = this
    if (earlier === undefined) return
    const low = this.length > 0 ? position : earlier.nextOpen(position)
    this.isCovered = low === Number.POSITIVE_INFINITY
    this.low = this.isCovered ? position : low
    if (this.low < earlier.until) return
    this.earlier = undefined
    this.places = []
    this.nextLook = low
  }
}

/**
 * The positions after the mark that a state records as done, as runs of every `step`-th position.
 */
export function runsOf({ done = [], runs = [] }: EpochState): readonly DoneRun[] {
  const all: DoneRun[] = [...runs]
  for (let at = 0; at < done.length; at += 2)
    all.push([done[at] as number, done[at + 1] as number, 1])
  return all
}

/** The first position of a rank from `position` on. */
export function firstFrom(
  position: number,
  { rank, worldSize }: { readonly rank: number; readonly worldSize: number },
): number {
  return position + ((((rank - position) % worldSize) + worldSize) % worldSize)
}
