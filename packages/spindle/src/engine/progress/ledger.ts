import { Item, type Ledger, type Path, type SourceEpoch } from '../flow/item.ts'

// Finds out when a source item is finished: when nothing that came of it is on its way, through
// filters, failures, generators and batches.
//
// Every item belongs to a lot (a pending group). A lot counts its unfinished items: one at the
// beginning, one more for each fork, one less for each end. The lot of a source item is called a
// root. A batch has its own lot. Its members, each in its own lot, end when the batch's lot closes
// and not when they are joined. So a root closes only when every batch that contains a part of it
// is done. The result is a graph of counters whose size is proportional to the unfinished work.
// Nothing is searched.

/** The items that came of one source item or one batch, up to the next batches. */
export class Lot {
  /** Number of unfinished items. */
  pending = 1
  /** The members of a batch. `undefined` for a root. */
  readonly members: readonly TrackedItem[] | undefined
  readonly #listener: LotListener

  constructor(listener: LotListener, members?: readonly TrackedItem[]) {
    this.#listener = listener
    this.members = members
  }

  /** One more item belongs to the lot. */
  enter(): void {
    this.pending++
  }

  /** One of its items has ended. The last one closes the lot, which then ends the members. */
  leave(): void {
    this.pending--
    if (this.pending > 0) return
    this.#listener.closed(this)
    if (this.members !== undefined) for (const member of this.members) member.lot.leave()
  }
}

/** Called when all items of a lot are finished. */
export interface LotListener {
  closed(lot: Lot): void
  /** Whether an item was done in an earlier run; see `Ledger.isCovered`. */
  isCovered(item: TrackedItem): boolean
}

/** An item with a lot. It is a separate class so that items cost no more without a ledger. */
export class TrackedItem extends Item {
  readonly lot: Lot

  constructor(
    value: unknown,
    origin: SourceEpoch,
    index: number,
    path: Path | undefined,
    lot: Lot,
  ) {
    super(value, origin, index, path)
    this.lot = lot
  }
}

/** Tracks unfinished work by {@link Lot}s. It is the `ledger` of a `SourceEpoch`. */
export class LotLedger implements Ledger {
  protected readonly listener: LotListener

  constructor(listener: LotListener) {
    this.listener = listener
  }

  forked(parent: Item, value: unknown, path: Path | undefined): Item {
    const { lot } = parent as TrackedItem
    lot.enter()
    return new TrackedItem(value, parent.origin, parent.index, path, lot)
  }

  joined(first: Item, value: unknown, members: readonly Item[]): Item {
    const lot = new Lot(this.listener, members as readonly TrackedItem[])
    return new TrackedItem(value, first.origin, first.index, first.path, lot)
  }

  retired(item: Item): void {
    // Boundaries and flushes do not come of a source item.
    if (item instanceof TrackedItem) item.lot.leave()
  }

  absorbed(item: Item): void {
    this.retired(item)
  }

  lost(item: Item): void {
    this.retired(item)
  }

  isCovered(item: Item): boolean {
    return this.listener.isCovered(item as TrackedItem)
  }
}

/** The roots of a lot: those of its members, recursively. Each appears once. */
export function rootsOf(lot: Lot, roots: Set<Lot> = new Set()): Set<Lot> {
  if (lot.members === undefined) roots.add(lot)
  else for (const member of lot.members) rootsOf(member.lot, roots)
  return roots
}
