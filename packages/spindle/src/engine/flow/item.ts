/** Where items are born: one for each source and epoch. */
export interface SourceEpoch {
  /** Number of the source in its graph. */
  readonly source: number
  readonly epoch: number
  /** Who keeps book of what is unfinished, if anybody does. */
  readonly ledger?: Ledger
}

/**
 * Hears of all that becomes of the items of a {@link SourceEpoch} after their birth, and makes the
 * items, so that they can carry what it needs.
 */
export interface Ledger {
  /** Makes one of several descendants of `parent`. */
  forked(parent: Item, value: unknown, path: Path | undefined): Item
  /**
   * Makes a batch, in which `members` end; its lineage is that of `first`. `maker`: by which
   * aggregate, where it has a number.
   */
  joined(first: Item, value: unknown, members: readonly Item[], maker?: BatchOrigin): Item
  /** An item ends. */
  retired(item: Item): void
  /** An item ends, for others have come of it that stand for it. */
  absorbed(item: Item): void
  /** An item ends undone. */
  lost(item: Item): void
  /** An item waits for more of the source to come. */
  held?(item: Item): void
  /**
   * What the item stands for is not done with its end: it is a part of something that has other
   * parts.
   */
  unnamed?(item: Item): void
  /** What of an item was finished in an earlier run: ways below its own. */
  coveredBelow?(item: Item): Set<string> | undefined
  /** Several items have come of one batch of a region. */
  severalOf?(region: string): void
  /** Whether an item, by its path, was finished in an earlier run and is not to be joined again. */
  isCovered(item: Item): boolean
}

/** What made a batch. */
export interface BatchOrigin {
  /** Number of the aggregate in its graph. */
  readonly aggregate: number
  /** The batch of an earlier run that it is, if it is one. */
  readonly plan?: { readonly number: number; readonly done: ReadonlySet<string> } | undefined
}

/** The parts of one batch that are on their way, in batched variants. */
export interface ItemGroup {
  /**
   * Whether a part was thrown away because the pipeline stopped: what is left is not a batch any
   * more.
   */
  isSpoilt: boolean
  /** One more item is on its way. */
  enter(): void
  /** An item has ended, in the path or at its end. */
  leave(): void
}

/**
 * A place among the outputs of a generator or the parts of a batch; with its parents, the way from
 * the source item down to one of its descendants.
 */
export interface Path {
  readonly parent: Path | undefined
  readonly position: number
  /** The batch this is a part of, inside batched variants. */
  readonly group: ItemGroup | undefined
}

/**
 * The index that marks the boundary between two epochs; a boundary travels through the queues as an
 * item does.
 */
const BOUNDARY = -1

// Where an item stands in the window of a stage that keeps its input's order.
export const PENDING = 0
export const READY = 1
export const DROPPED = 2
export const FAILED = 3
export const EXPANDING = 4

/**
 * One item on its way: a value and where it came from. The same object goes through all one-to-one
 * stages, which replace `value`; generators and batches make new ones. This is the only thing the
 * engine allocates for an item besides the context of each call.
 *
 * The source makes items. {@link child}, {@link partOf} and {@link descendant} fork them,
 * {@link joined} makes a batch of several, and {@link retire}, {@link absorb}, {@link lose} and
 * {@link discard} end them. Nothing else does, so a ledger of unfinished work listens in these
 * places.
 */
export class Item {
  value: unknown
  /** Like `index` fixed as long as the item is on its way; see `ItemPool`. */
  origin: SourceEpoch
  /** Position in the source within the epoch, from 0. */
  index: number
  readonly path: Path | undefined
  /** Its place in an ordered window: one of the constants above. */
  state: number

  constructor(value: unknown, origin: SourceEpoch, index: number, path: Path | undefined) {
    this.value = value
    this.origin = origin
    this.index = index
    this.path = path
    this.state = PENDING
  }
}

/**
 * The mark between an epoch and the next; also what an aggregator is flushed for, which stands for
 * no position of the source either.
 */
export function boundaryAfter(origin: SourceEpoch): Item {
  return new Item(undefined, origin, BOUNDARY, undefined)
}

/** Whether an item is the mark between two epochs. */
export function isBoundary(item: Item): boolean {
  return item.index === BOUNDARY
}

/** The `position`-th output of `parent`. */
export function child(parent: Item, value: unknown, position: number): Item {
  const group = parent.path?.group
  group?.enter()
  return descendant(parent, value, { parent: parent.path, position, group })
}

/** The part of a batch that goes through one of several paths. */
export function partOf(batch: Item, value: unknown, position: number, group: ItemGroup): Item {
  return descendant(batch, value, { parent: batch.path, position, group })
}

/** What comes of `parent` at a place of its own. */
export function descendant(parent: Item, value: unknown, path: Path | undefined): Item {
  const { ledger } = parent.origin
  return ledger === undefined
    ? new Item(value, parent.origin, parent.index, path)
    : ledger.forked(parent, value, path)
}

/** A batch, known by its first member. `members` are wanted only where there is a ledger. */
export function joined(
  first: Item,
  value: unknown,
  members: readonly Item[],
  maker?: BatchOrigin,
): Item {
  const { ledger } = first.origin
  return ledger === undefined
    ? new Item(value, first.origin, first.index, first.path)
    : ledger.joined(first, value, members, maker)
}

/** The item ends here: filtered out, failed, or thrown away by an aggregator. */
export function retire(item: Item): void {
  item.path?.group?.leave()
  item.origin.ledger?.retired(item)
}

/**
 * The item ends here, and what came of it goes on: the outputs of its generator, or those of a
 * region.
 */
export function absorb(item: Item): void {
  item.path?.group?.leave()
  item.origin.ledger?.absorbed(item)
}

/**
 * The item ends here, undone: its result came too late, or its failure ends the pipeline. A run
 * that goes on later makes it again.
 */
export function lose(item: Item): void {
  item.path?.group?.leave()
  item.origin.ledger?.lost(item)
}

/** The item is thrown away because the pipeline stops: nobody looked at it. */
export function discard(item: Item): void {
  const group = item.path?.group
  if (group === undefined) return
  group.isSpoilt = true
  group.leave()
}

/** `item 17`, or `item 17.0.2` for an output of generators. */
export function describeItem(item: Item): string {
  const positions: number[] = []
  for (let path = item.path; path !== undefined; path = path.parent)
    positions.unshift(path.position)
  return [item.index, ...positions].join('.')
}
