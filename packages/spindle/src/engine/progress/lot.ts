import { type BatchOrigin, Item, type Path, type SourceEpoch } from '../flow/item.ts'

// Who is finished, and who is at work.
//
// Every item belongs to a lot: what came of one source item, or of one batch. A lot counts its
// unfinished items; with the last one it closes. The members of a batch end with the batch's lot,
// each in a lot of its own, so a source item is done when every batch that has something of it is.
// An item that waits in an aggregator, or is at the consumer, is parked: it keeps its lot open, but
// nothing here is at work on it.

/** How far a source is: told by its items and their lots. */
export interface SourceProgress {
  /** An item gets a lot, for there is to be more of it. */
  enlarge(item: TrackedItem): Lot
  /** A position is done. */
  close(position: number): void
  /** Something has changed that the source may have waited for. */
  stirred(): void
}

/**
 * An item that knows its lot. One that came straight from the source stands for a lot of its own,
 * until something comes of it besides: most items never need more, and a lot costs as much as an
 * item.
 */
export class TrackedItem extends Item {
  /** `undefined` for an item of the source of which there is nothing else. */
  lot: Lot | undefined
  /** How far its source is; of no meaning where there is a lot. */
  progress: SourceProgress | undefined
  isParked = false
  /** Whether it stands for nothing that could be called done by its way. */
  isUnnamed = false

  constructor(
    value: unknown,
    origin: SourceEpoch,
    index: number,
    path: Path | undefined,
    lot: Lot | undefined,
    progress: SourceProgress | undefined,
  ) {
    super(value, origin, index, path)
    this.lot = lot
    this.progress = progress
  }
}

/** The lot of an item, made if there is none yet. */
export function lotOf(item: TrackedItem): Lot {
  if (item.lot === undefined) {
    item.lot = (item.progress as SourceProgress).enlarge(item)
    if (item.isParked) item.lot.parked = 1
  }
  return item.lot
}

export function park(item: TrackedItem): void {
  if (item.isParked) return
  item.isParked = true
  if (item.lot !== undefined) item.lot.park()
  else (item.progress as SourceProgress).stirred()
}

export function unpark(item: TrackedItem): void {
  if (!item.isParked) return
  item.isParked = false
  if (item.lot !== undefined) item.lot.unpark()
}

/** An item ends; `isDone`: what it stands for is, in this run and those to come. */
export function end(item: TrackedItem, isDone: boolean): void {
  if (item.lot !== undefined) item.lot.end(item, isDone)
  else (item.progress as SourceProgress).close(item.index)
}

/** What came of one source item, or of one batch, up to the next batches. */
export abstract class Lot {
  /** Items that are unfinished. */
  pending = 1
  /** Those of them that are parked. */
  parked = 0
  /** What is done of it while the rest is not: outputs, by the way to them. */
  done: Set<string> | undefined
  /** What was done of it in an earlier run. */
  readonly covered: ReadonlySet<string> | undefined

  constructor(covered: ReadonlySet<string> | undefined) {
    this.covered = covered
    this.done = covered === undefined ? undefined : new Set(covered)
  }

  /** Whether something is at work on it. */
  get isActive(): boolean {
    return this.pending > this.parked
  }

  park(): void {
    if (++this.parked === this.pending) this.rests()
  }

  unpark(): void {
    if (this.parked-- === this.pending) this.wakes()
  }

  /** An item of it ends; `isDone`: what the item stands for is, in this run and those to come. */
  end(item: TrackedItem, isDone: boolean): void {
    const { path } = item
    const wasActive = this.isActive
    if (item.isParked) this.parked--
    this.pending--
    if (this.pending === 0) this.closes()
    else {
      // A part of a batch that is joined again is nothing of its own.
      if (isDone && path !== undefined && path.group === undefined && !item.isUnnamed) {
        this.done ??= new Set()
        this.done.add(wayOf(path))
      }
      if (wasActive && !this.isActive) this.rests()
    }
  }

  isCovered(path: Path | undefined): boolean {
    return this.covered !== undefined && path !== undefined && this.covered.has(wayOf(path))
  }

  /** Nothing is at work on it any more, for now. */
  protected abstract rests(): void
  protected abstract wakes(): void
  protected abstract closes(): void
}

/** The lot of a source item. */
export class Root extends Lot {
  readonly progress: SourceProgress
  readonly position: number

  constructor(
    progress: SourceProgress,
    position: number,
    covered: ReadonlySet<string> | undefined,
  ) {
    super(covered)
    this.progress = progress
    this.position = position
  }

  protected override rests(): void {
    this.progress.stirred()
  }

  protected override wakes(): void {}

  protected override closes(): void {
    this.progress.close(this.position)
  }
}

/** The lot of a batch. */
export class Batch extends Lot {
  readonly members: readonly TrackedItem[]
  /** Which aggregate made it; `undefined`: one in a region, whose batches cannot be made again. */
  readonly aggregate: number | undefined
  /**
   * Whether there is something of a region's batch in it, so that it cannot be made again as it
   * was.
   */
  readonly isForeign: boolean
  /** Its number in the state that the run began with, if it had to be made again. */
  readonly plan: number | undefined
  private readonly open: Set<Batch>

  constructor(open: Set<Batch>, members: readonly TrackedItem[], maker: BatchOrigin | undefined) {
    super(maker?.plan?.done)
    this.members = members
    this.aggregate = maker?.aggregate
    this.plan = maker?.plan?.number
    this.open = open
    open.add(this)
    let isForeign = maker === undefined
    for (const member of members) {
      const { lot } = member
      unpark(member)
      if (lot instanceof Batch && lot.isForeign) isForeign = true
    }
    this.isForeign = isForeign
  }

  protected override rests(): void {
    for (const member of this.members) park(member)
  }

  protected override wakes(): void {
    for (const member of this.members) unpark(member)
  }

  protected override closes(): void {
    this.open.delete(this)
    for (const member of this.members) end(member, true)
  }
}

/** The way to an output, as text: `2.0`. */
export function wayOf(path: Path): string {
  let way = `${path.position}`
  for (let at = path.parent; at !== undefined; at = at.parent) way = `${at.position}.${way}`
  return way
}
