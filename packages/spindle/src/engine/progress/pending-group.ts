import {
  type BatchOrigin,
  Item,
  type Ledger,
  type Path,
  pathText,
  type SourceEpoch,
} from '../flow/item.ts'

// The ledger of unfinished work: it finds out when a source item is done, through filters,
// failures, generators and batches.
//
// Every item belongs to a pending group: all items that came of one source item or one batch. A
// group counts its unfinished items and closes with the last one. The members of a batch, each in
// its own group, end when the batch's group closes. So a source item is done when every batch that
// contains a part of it is done. The result is a graph of counters whose size is proportional to
// the unfinished work. Nothing is searched.
//
// An item that waits in an aggregator or at the consumer is parked: it keeps its group open, but
// no stage is working on it.

/** The progress of a source, as its items and their groups report it. */
export interface SourceProgress {
  /** Gives a group to an item from which more items come. */
  enlarge(item: TrackedItem): PendingGroup
  /** A position is done. */
  close(position: number): void
  /** A change for which the source may have waited. */
  stirred(): void
}

/**
 * An item with a pending group. An item directly from the source has none until further items come
 * of it: most items never need a group, and a group costs as much as an item.
 */
export class TrackedItem extends Item {
  /** `undefined` for a source item without further items. */
  group: PendingGroup | undefined
  /** The progress of its source. Meaningless if there is a group. */
  progress: SourceProgress | undefined
  isParked = false
  /** Whether its end does not complete its path, because the item is one of several parts. */
  isUnnamed = false

  constructor(
    value: unknown,
    origin: SourceEpoch,
    index: number,
    path: Path | undefined,
    group: PendingGroup | undefined,
    progress?: SourceProgress,
  ) {
    super(value, origin, index, path)
    this.group = group
    this.progress = progress
  }
}

/** The group of an item. Creates it if necessary. */
export function groupOf(item: TrackedItem): PendingGroup {
  if (item.group === undefined) {
    item.group = (item.progress as SourceProgress).enlarge(item)
    if (item.isParked) item.group.parked = 1
  }
  return item.group
}

export function park(item: TrackedItem): void {
  if (item.isParked) return
  item.isParked = true
  if (item.group !== undefined) item.group.park()
  else (item.progress as SourceProgress).stirred()
}

function unpark(item: TrackedItem): void {
  if (!item.isParked) return
  item.isParked = false
  if (item.group !== undefined) item.group.unpark()
}

/** Ends an item. `isDone`: its work need not be done again, in this run or later ones. */
export function end(item: TrackedItem, isDone: boolean): void {
  if (item.group !== undefined) item.group.end(item, isDone)
  else (item.progress as SourceProgress).close(item.index)
}

/** The items that came of one source item or one batch, up to the next batches. */
export abstract class PendingGroup {
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

  /** Whether any stage is working on the group. */
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
      if (isDone && path !== undefined && path.split === undefined && !item.isUnnamed) {
        this.done ??= new Set()
        this.done.add(pathText(path))
      }
      if (wasActive && !this.isActive) this.rests()
    }
  }

  isCovered(path: Path | undefined): boolean {
    return this.covered !== undefined && path !== undefined && this.covered.has(pathText(path))
  }

  /** Called when no stage is working on the group, for the moment. */
  protected abstract rests(): void
  protected abstract wakes(): void
  protected abstract closes(): void
}

/** The group of a source item. */
export class SourceGroup extends PendingGroup {
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

/** The group of a batch. */
export class BatchGroup extends PendingGroup {
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
  private readonly ledger: GroupLedger

  constructor(ledger: GroupLedger, members: readonly TrackedItem[], batchOrigin?: BatchOrigin) {
    super(batchOrigin?.plan?.done)
    this.members = members
    this.aggregate = batchOrigin?.aggregate
    this.plan = batchOrigin?.plan?.number
    this.ledger = ledger
    let isForeign = batchOrigin === undefined
    for (const member of members) {
      const { group } = member
      unpark(member)
      if (group instanceof BatchGroup && group.isForeign) isForeign = true
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
    this.ledger.closed(this)
  }
}

/** Tracks unfinished work by {@link PendingGroup}s. It is the `ledger` of a `SourceEpoch`. */
export abstract class GroupLedger implements Ledger {
  forked(parent: Item, value: unknown, path: Path | undefined): Item {
    const group = groupOf(parent as TrackedItem)
    group.pending++
    return new TrackedItem(value, parent.origin, parent.index, path, group)
  }

  joined(
    first: Item,
    value: unknown,
    members: readonly Item[],
    batchOrigin?: BatchOrigin,
  ): TrackedItem {
    const batch = new BatchGroup(this, members as readonly TrackedItem[], batchOrigin)
    return new TrackedItem(value, first.origin, first.index, first.path, batch)
  }

  isCovered(item: Item): boolean {
    return item instanceof TrackedItem && item.group?.isCovered(item.path) === true
  }

  abstract retired(item: Item): void
  abstract absorbed(item: Item): void
  abstract lost(item: Item): void
  /** Called when all items of a batch are finished. Ends its members. */
  abstract closed(batch: BatchGroup): void
}
