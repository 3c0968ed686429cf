import { Root, type TrackedItem } from './lot.ts'
import type { EpochState } from './state.ts'

/** In the place of a position that is done. */
const DONE = 0

/**
 * How far one epoch of one source is done: a low-water mark, and what is behind it, in a ring by position. Positions that are not this rank's are taken no
 * note of.
 */
export class Progress {
  /** Number of the source in its graph. */
  readonly source: number
  readonly epoch: number
  /** All of this rank's positions before it are done. */
  low: number
  /** Whether the source waits for something to be done. */
  isWatched = false
  private readonly step: number
  private readonly onChange: () => void
  /** From `low` on: what stands for a position, or that it is done; `undefined` where nothing is known of it. */
  private ring: (TrackedItem | Root | typeof DONE | undefined)[] = new Array(64).fill(undefined)
  private head = 0
  /** Places in the ring that may hold something. */
  private length = 0
  /** What an earlier run left undone in part. */
  private readonly parts: Map<number, ReadonlySet<string>> = new Map()
  private end: number | undefined
  /** What an earlier run did is before it. */
  private readonly knownUntil: number
  /** Up to here, exclusively, positions may be issued before {@link mayIssue} looks again. */
  private nextLook: number

  constructor(
    source: number,
    epoch: number,
    shard: { readonly rank: number; readonly worldSize: number },
    state: EpochState | undefined,
    onChange: () => void,
  ) {
    this.source = source
    this.epoch = epoch
    this.step = shard.worldSize
    this.onChange = onChange
    this.low = firstFrom(state?.low ?? 0, shard)
    this.nextLook = this.low
    const runs = state?.done ?? []
    this.knownUntil = (runs.at(-1) ?? -1) + 1
    for (let at = 0; at < runs.length; at += 2) {
      const last = runs[at + 1] as number
      for (let p = Math.max(this.low, firstFrom(runs[at] as number, shard)); p <= last; p += this.step)
        this.put(p, DONE)
    }
    for (const [position, ways] of Object.entries(state?.parts ?? {})) {
      if (Number(position) % shard.worldSize === shard.rank) this.parts.set(Number(position), new Set(ways))
    }
    this.end = state?.end
    this.rise()
  }

  /** Whether the source has come to its end and all of it is done. */
  get isFinished(): boolean {
    return this.isExhausted && this.length === 0
  }

  /** Whether there is nothing more to be issued. */
  get isExhausted(): boolean {
    return this.end !== undefined && this.low >= this.end
  }

  isDone(position: number): boolean {
    if (position < this.low) return true
    if (position >= this.knownUntil) return false
    const at = (position - this.low) / this.step
    return at < this.length && this.ring[(this.head + at) & (this.ring.length - 1)] === DONE
  }

  /** An item of the source is on its way. */
  born(item: TrackedItem): void {
    this.put(item.index, item)
    if (this.parts.size > 0 && this.parts.has(item.index)) item.lot = this.enlarge(item)
  }

  /** An item gets a lot, for there is to be more of it. */
  enlarge(item: TrackedItem): Root {
    const position = item.index
    const root = new Root(this, position, this.parts.get(position))
    this.parts.delete(position)
    this.put(position, root)
    return root
  }

  /** A position is done. */
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

  /** Something has changed that the source may have waited for. */
  stirred(): void {
    if (this.isWatched) this.onChange()
  }

  /** Nothing more will be put down here: gives its memory back. */
  shrink(): void {
    if (this.isFinished && this.ring.length > 1) this.ring = [undefined]
  }

  /** The source has come to its end: `position` would have been next. */
  ended(position: number): void {
    this.end = position
  }

  /** Whether `position` is less than `span` ahead of the first that something is at work on: what is stuck must not let the state grow. */
  mayIssue(position: number, span: number): boolean {
    if (position < this.nextLook) return true
    this.nextLook = this.firstActive(position) + span * this.step
    return position < this.nextLook
  }

  private firstActive(otherwise: number): number {
    for (let at = 0; at < this.length; at++) {
      const one = this.ring[(this.head + at) & (this.ring.length - 1)]
      if (one === undefined || one === DONE) continue
      if (one instanceof Root ? one.isActive : !one.isParked) return this.low + at * this.step
    }
    return otherwise
  }

  toState(): EpochState {
    const done: number[] = []
    const parts: [string, readonly string[]][] = []
    for (const [position, ways] of this.parts) parts.push([String(position), [...ways]])
    for (let at = 0; at < this.length; at++) {
      const position = this.low + at * this.step
      const one = this.ring[(this.head + at) & (this.ring.length - 1)]
      if (one === DONE) {
        if (done.length > 0 && done[done.length - 1] === position - this.step)
          done[done.length - 1] = position
        else done.push(position, position)
      } else if (one instanceof Root && one.done !== undefined && one.done.size > 0)
        parts.push([String(position), [...one.done]])
    }
    return {
      epoch: this.epoch,
      low: this.low,
      ...(done.length === 0 ? {} : { done }),
      ...(parts.length === 0 ? {} : { parts: Object.fromEntries(parts) }),
      ...(this.end === undefined ? {} : { end: this.end }),
    }
  }

  private put(position: number, one: TrackedItem | Root | typeof DONE): void {
    const at = (position - this.low) / this.step
    while (at >= this.ring.length) this.grow()
    this.ring[(this.head + at) & (this.ring.length - 1)] = one
    if (at >= this.length) this.length = at + 1
  }

  private grow(): void {
    const { ring } = this
    const grown: typeof ring = new Array(ring.length * 2).fill(undefined)
    for (let at = 0; at < this.length; at++) grown[at] = ring[(this.head + at) & (ring.length - 1)]
    this.ring = grown
    this.head = 0
  }

  private rise(): void {
    while (this.length > 0 && this.ring[this.head] === DONE) this.advance()
  }

  private advance(): void {
    this.ring[this.head] = undefined
    this.head = (this.head + 1) & (this.ring.length - 1)
    this.length--
    this.low += this.step
  }
}

/** The first of a rank's positions from `position` on. */
export function firstFrom(
  position: number,
  { rank, worldSize }: { readonly rank: number; readonly worldSize: number },
): number {
  return position + ((((rank - position) % worldSize) + worldSize) % worldSize)
}
