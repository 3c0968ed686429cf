import { Root } from './lot.ts'
import type { EpochState } from './state.ts'

/**
 * How far one epoch of one source is done: a low-water mark, the positions behind it that are done already, and what is open. Positions that are not
 * this rank's are taken no note of.
 */
export class Progress {
  /** Number of the source in its graph. */
  readonly source: number
  readonly epoch: number
  readonly #step: number
  readonly #onChange: () => void
  /** All of this rank's positions before it are done. */
  low: number
  /** Done, behind `low`. */
  readonly #done: Set<number> = new Set()
  /** In the order of birth, which is that of position. */
  readonly #open: Map<number, Root> = new Map()
  /** What an earlier run left undone in part. */
  readonly #parts: Map<number, ReadonlySet<string>> = new Map()
  #end: number | undefined
  /** Up to here, exclusively, positions may be issued before {@link mayIssue} looks again. */
  #nextLook: number

  constructor(
    source: number,
    epoch: number,
    shard: { readonly rank: number; readonly worldSize: number },
    state: EpochState | undefined,
    onChange: () => void,
  ) {
    this.source = source
    this.epoch = epoch
    this.#step = shard.worldSize
    this.#onChange = onChange
    this.low = firstFrom(state?.low ?? 0, shard)
    this.#nextLook = this.low
    const runs = state?.done ?? []
    for (let at = 0; at < runs.length; at += 2) {
      const last = runs[at + 1] as number
      for (let p = firstFrom(runs[at] as number, shard); p <= last; p += this.#step) this.#done.add(p)
    }
    for (const [position, ways] of Object.entries(state?.parts ?? {})) {
      if (Number(position) % shard.worldSize === shard.rank) this.#parts.set(Number(position), new Set(ways))
    }
    this.#end = state?.end
    this.#rise()
  }

  /** Whether the source has come to its end and all of it is done. */
  get isFinished(): boolean {
    return this.#end !== undefined && this.#open.size === 0 && this.#done.size === 0 && this.low >= this.#end
  }

  /** Whether there is nothing more to be issued. */
  get isExhausted(): boolean {
    return this.#end !== undefined && this.low >= this.#end
  }

  isDone(position: number): boolean {
    return position < this.low || this.#done.has(position)
  }

  /** An item of the source is on its way. */
  born(position: number): Root {
    const root = new Root(this, position, this.#parts.get(position))
    this.#parts.delete(position)
    this.#open.set(position, root)
    return root
  }

  /** A position is done. */
  close(position: number): void {
    this.#open.delete(position)
    if (position === this.low) {
      this.low += this.#step
      if (this.#done.size > 0) this.#rise()
    } else this.#done.add(position)
    this.#onChange()
  }

  /** Something has changed that the source may have waited for. */
  stirred(): void {
    this.#onChange()
  }

  /** The source has come to its end: `position` would have been next. */
  ended(position: number): void {
    this.#end = position
  }

  /** Whether `position` is less than `span` ahead of the first that something is at work on: what is stuck must not let the state grow. */
  mayIssue(position: number, span: number): boolean {
    if (position < this.#nextLook) return true
    let first = position
    for (const [open, root] of this.#open) {
      if (root.isActive) {
        first = open
        break
      }
    }
    this.#nextLook = first + span * this.#step
    return position < this.#nextLook
  }

  toState(): EpochState {
    const done = this.#runs()
    const parts: [string, readonly string[]][] = []
    for (const [position, ways] of this.#parts) parts.push([String(position), [...ways]])
    for (const [position, { done: ways }] of this.#open)
      if (ways !== undefined && ways.size > 0) parts.push([String(position), [...ways]])
    return {
      epoch: this.epoch,
      low: this.low,
      ...(done.length === 0 ? {} : { done }),
      ...(parts.length === 0 ? {} : { parts: Object.fromEntries(parts) }),
      ...(this.#end === undefined ? {} : { end: this.#end }),
    }
  }

  #rise(): void {
    while (this.#done.delete(this.low)) this.low += this.#step
  }

  #runs(): number[] {
    const runs: number[] = []
    const step = this.#step
    for (const position of [...this.#done].sort((a, b) => a - b)) {
      if (runs.length > 0 && runs[runs.length - 1] === position - step) runs[runs.length - 1] = position
      else runs.push(position, position)
    }
    return runs
  }
}

/** The first of a rank's positions from `position` on. */
export function firstFrom(
  position: number,
  { rank, worldSize }: { readonly rank: number; readonly worldSize: number },
): number {
  return position + ((((rank - position) % worldSize) + worldSize) % worldSize)
}
