import { type BatchOrigin, Item, type Path, type SourceEpoch } from '../flow/item.ts'

// Tracks which work is finished and which is in progress.
//
// Every item belongs to a lot (a pending group): all items that came of one source item or one
// batch. A lot counts its unfinished items and closes with the last one. The members of a batch,
// each in its own lot, end when the batch's lot closes. So a source item is done when every batch
// that contains a part of it is done. An item that waits in an aggregator or at the consumer is
// parked: it keeps its lot open, but no stage is working on it.

/** The progress of a source, as its items and their lots report it. */
export interface SourceProgress {
  /** Gives a lot to an item from which more items come. */
  enlarge(item: TrackedItem): Lot
  /** A position is done. */
  close(position: number): void
  /** A change for which the source may have waited. */
  stirred(): void
}

/**
 * An item with a lot. An item directly from the source has none until further items come of it:
 * most items never need a lot, and a lot costs as much as an item.
 */
export class TrackedItem extends Item {
  /** `undefined` for a source item without further items. */
  lot: Lot | undefined
  /** The progress of its source. Meaningless if there is a lot. */
  progress: SourceProgress | undefined
  isParked = false
  /** Whether its end does not complete its path, because the item is one of several parts. */
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

/** The lot of an item. Creates it if necessary. */
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

/** Ends an item. `isDone`: its work need not be done again, in this run or later ones. */
export function end(item: TrackedItem, isDone: boolean): void {
  if (item.lot !== undefined) item.lot.end(item, isDone)
  else (item.progress as SourceProgress).close(item.index)
}

/** The items that came of one source item or one batch, up to the next batches. */
export abstract class Lot {
  /** Number of unfinished items. */
  pending = 1
  /** Number of unfinished items that are parked. */
  parked = 0
  /** The outputs that are done while others are not, by their paths. */
  done: Set<string> | undefined
  /** The outputs that were done in an earlier run. */
  readonly covered: ReadonlySet<string> | undefined

  constructor(covered: ReadonlySet<string> | undefined) {
    this.covered = covered
    this.done = covered === undefined ? undefined : new Set(covered)
  }

  /** Whether any stage is working on the lot. */
  get isActive(): boolean {
    return this.pending > this.parked
  }

  park(): void {
    if (++this.parked === this.pending) this.rests()
  }

  unpark(): void {
    if (this.parked-- === this.pending) this.wakes()
  }

  /**
   * Ends one of its items. `isDone`: its work need not be done again, in this run or later ones.
   */
  end(item: TrackedItem, isDone: boolean): void {
    const { path } = item
    const wasActive = this.isActive
    if (item.isParked) this.parked--
    this.pending--
    if (this.pending === 0) this.closes()
    else {
      // A part of a batch that will be joined again is not a result of its own.
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

  /** Called when no stage is working on the lot, for the moment. */
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
  /**
   * Number of the aggregate that made it. `undefined` for a batch of a region, which cannot be made
   * again.
   */
  readonly aggregate: number | undefined
  /**
   * Whether it contains parts of a region's batch, so that it cannot be made again with the same
   * members.
   */
  readonly isForeign: boolean
  /**
   * If it repeats a batch of an earlier run: its number in the state from which the run resumed.
   */
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

/** The path to an output as text: `2.0`. */
export function wayOf(path: Path): string {
  let way = `${path.position}`
  for (let at = path.parent; at !== undefined; at = at.parent) way = `${at.position}.${way}`
  return way
}
