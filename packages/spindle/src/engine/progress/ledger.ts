import { Item, type Ledger, type Path, type SourceEpoch } from '../flow/item.ts'

// How one knows that an item of a source is finished: that nothing which came of it is under way
// any more, through filters, failures, generators and batches.
//
// Every item belongs to a lot. A lot counts how many items of it are unfinished: one at birth, one
// more for each fork, one less for each end. A source item's lot is its root. A batch is a lot of
// its own, and its members, each in a lot of its own, end with the batch's lot rather than when
// they are joined: so a root is closed only when every batch that has something of it is done. The
// whole is a graph of counters, as large as what is unfinished; nothing is searched.

/** The items that came of one source item, or of one batch, up to the next batches. */
export class Lot {
  /** Items of the lot that are unfinished. */
  pending = 1
  /** For a batch: what was joined. `undefined` for a root. */
  readonly members: readonly TrackedItem[] | undefined
  readonly #listener: LotListener

  constructor(listener: LotListener, members?: readonly TrackedItem[]) {
    this.#listener = listener
    this.members = members
  }

  /** Another item belongs to it. */
  enter(): void {
    this.pending++
  }

  /** One of its items ends. The last one closes the lot, and then ends the members. */
  leave(): void {
    this.pending--
    if (this.pending > 0) return
    this.#listener.closed(this)
    if (this.members !== undefined) for (const member of this.members) member.lot.leave()
  }
}

/** Hears that nothing of a lot is unfinished.. */
export interface LotListener {
  closed(lot: Lot): void
  /** Whether an item was finished in an earlier run; see `Ledger.isCovered`. */
  isCovered(item: TrackedItem): boolean
}

/**
 * An item that knows its lot. A class of its own, so that items cost no more where nobody keeps
 * book.
 */
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

/** Keeps book by {@link Lot}s: the `ledger` of a `SourceEpoch`. */
export class LotLedger implements Ledger {
  readonly #listener: LotListener

  constructor(listener: LotListener) {
    this.#listener = listener
  }

  forked(parent: Item, value: unknown, path: Path | undefined): Item {
    const { lot } = parent as TrackedItem
    lot.enter()
    return new TrackedItem(value, parent.origin, parent.index, path, lot)
  }

  joined(first: Item, value: unknown, members: readonly Item[]): Item {
    const lot = new Lot(this.#listener, members as readonly TrackedItem[])
    return new TrackedItem(value, first.origin, first.index, first.path, lot)
  }

  retired(item: Item): void {
    // Boundaries and flushes are nobody's descendants.
    if (item instanceof TrackedItem) item.lot.leave()
  }

  absorbed(item: Item): void {
    this.retired(item)
  }

  lost(item: Item): void {
    this.retired(item)
  }

  isCovered(item: Item): boolean {
    return this.#listener.isCovered(item as TrackedItem)
  }
}

/** The roots of a lot: those of its members, and theirs. Each is told once. */
export function rootsOf(lot: Lot, roots: Set<Lot> = new Set()): Set<Lot> {
  if (lot.members === undefined) roots.add(lot)
  else for (const member of lot.members) rootsOf(member.lot, roots)
  return roots
}
