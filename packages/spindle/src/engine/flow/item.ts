/** The origin of items: one epoch of one source. */
export interface SourceEpoch {
  /** Number of the source in its graph. */
  readonly source: number
  readonly epoch: number
  /** Tracks which items are unfinished, if the run needs that. */
  readonly ledger?: Ledger
}

/**
 * Makes the descendants of the items of a {@link SourceEpoch}, so that they can carry its data, and
 * is called whenever such an item ends.
 */
export interface Ledger {
  /** Makes one of several descendants of `parent`. */
  forked(parent: Item, value: unknown, path: Path | undefined): Item
  /**
   * Makes a batch, in which `members` end. It has the lineage of `first`. `batchOrigin` tells which
   * aggregate made it, if that has a number.
   */
  joined(first: Item, value: unknown, members: readonly Item[], batchOrigin?: BatchOrigin): Item
  /** An item has ended and is done. */
  retired(item: Item): void
  /** An item has ended, and its outputs stand for it. */
  absorbed(item: Item): void
  /** An item has ended and is not done. */
  lost(item: Item): void
  /** An item waits until the source gives more. */
  held?(item: Item): void
  /**
   * The end of this item does not complete what it stands for, because the item is one of several
   * parts.
   */
  unnamed?(item: Item): void
  /** Which descendants of an item were done in an earlier run, as paths below its own. */
  coveredBelow?(item: Item): Set<string> | undefined
  /** One batch of the region gave several items. */
  severalOf?(region: string): void
  /** An op has failed on an item, which is dropped or ends the pipeline. */
  itemFailed?(item: Item, error: unknown): void
  /** Whether nobody needs an item any more, so that stages skip it. */
  isAbandoned?(item: Item): boolean
  /** Calls a function when nobody needs an item any more. */
  onAbandoned?(item: Item, listener: (reason: unknown) => void): void
  /** Whether an item, by its path, was done in an earlier run and must not join a batch again. */
  isCovered(item: Item): boolean
}

/** Identifies which aggregate made a batch. */
export interface BatchOrigin {
  /** Number of the aggregate in its graph. */
  readonly aggregate: number
  /** Set if the batch repeats a batch of an earlier run. */
  readonly plan?: { readonly number: number; readonly done: ReadonlySet<string> } | undefined
}

/** The parts of one batch that are on their way through the paths of batched variants. */
export interface SplitParts {
  /**
   * Whether a part was discarded because the pipeline stopped. The remaining parts are no complete
   * batch.
   */
  isSpoilt: boolean
  /** One more item is on its way. */
  enter(): void
  /** An item has ended inside the path or at its end. */
  leave(): void
}

/**
 * A position among the outputs of a generator or the parts of a batch. With its parents, it is the
 * way from the source item to one of its descendants.
 */
export interface Path {
  readonly parent: Path | undefined
  readonly position: number
  /** Inside batched variants: the batch that this item is a part of. */
  readonly split: SplitParts | undefined
}

/**
 * The index of items that mark the boundary between two epochs. They travel through the queues like
 * other items.
 */
const BOUNDARY = -1

// States of an item in a reorder buffer.
export const PENDING = 0
export const READY = 1
export const DROPPED = 2
export const FAILED = 3
export const EXPANDING = 4

/**
 * One item on its way: a value and its lineage. The same object passes all one-to-one stages, which
 * replace `value`; generators and batches make new items. The item and the context of each call are
 * all that the engine allocates for an item.
 *
 * The source makes items. {@link child}, {@link partOf} and {@link descendant} fork them, and
 * {@link joined} makes a batch of several. {@link retire}, {@link absorb}, {@link lose} and
 * {@link discard} end them. No other code makes or ends items, so a ledger of unfinished work
 * listens in these functions.
 */
export class Item {
  value: unknown
  /** Like `index`, constant as long as the item is on its way. `ItemPool` reuses items. */
  origin: SourceEpoch
  /** Position in the source within the epoch, from 0. */
  index: number
  readonly path: Path | undefined
  /** Its state in a reorder buffer: one of the constants above. */
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
 * Makes the boundary between an epoch and the next. The flush of an aggregator also uses such an
 * item, because it has no position in the source either.
 */
export function boundaryAfter(origin: SourceEpoch): Item {
  return new Item(undefined, origin, BOUNDARY, undefined)
}

/** Whether an item is the boundary between two epochs. */
export function isBoundary(item: Item): boolean {
  return item.index === BOUNDARY
}

/** Makes the `position`-th output of `parent`. */
export function child(parent: Item, value: unknown, position: number): Item {
  const split = parent.path?.split
  split?.enter()
  return descendant(parent, value, { parent: parent.path, position, split })
}

/** Makes the part of a batch that goes through one of several paths. */
export function partOf(batch: Item, value: unknown, position: number, split: SplitParts): Item {
  return descendant(batch, value, { parent: batch.path, position, split })
}

/** Makes a descendant of `parent` with its own path. */
export function descendant(parent: Item, value: unknown, path: Path | undefined): Item {
  const { ledger } = parent.origin
  return ledger === undefined
    ? new Item(value, parent.origin, parent.index, path)
    : ledger.forked(parent, value, path)
}

/** Makes a batch with the lineage of its first member. Only a ledger needs `members`. */
export function joined(
  first: Item,
  value: unknown,
  members: readonly Item[],
  batchOrigin?: BatchOrigin,
): Item {
  const { ledger } = first.origin
  return ledger === undefined
    ? new Item(value, first.origin, first.index, first.path)
    : ledger.joined(first, value, members, batchOrigin)
}

/** Ends an item that is done: filtered out, failed, or dropped by an aggregator. */
export function retire(item: Item): void {
  item.path?.split?.leave()
  item.origin.ledger?.retired(item)
}

/** Ends an item whose outputs continue: those of its generator or of a region. */
export function absorb(item: Item): void {
  item.path?.split?.leave()
  item.origin.ledger?.absorbed(item)
}

/**
 * Ends an item that is not done: its result came too late, or its failure ends the pipeline. A
 * resumed run processes it again.
 */
export function lose(item: Item): void {
  item.path?.split?.leave()
  item.origin.ledger?.lost(item)
}

/** Discards an unprocessed item because the pipeline stops. */
export function discard(item: Item): void {
  const split = item.path?.split
  if (split === undefined) return
  split.isSpoilt = true
  split.leave()
}

/** `17` for an item, `17.0.2` for an output of generators. */
export function describeItem({ index, path }: Item): string {
  return path === undefined ? `${index}` : `${index}.${pathText(path)}`
}

/** A path as text: `0.2`. */
export function pathText(path: Path): string {
  let text = `${path.position}`
  for (let at = path.parent; at !== undefined; at = at.parent) text = `${at.position}.${text}`
  return text
}

/** The positions in a path below the first `depth`, outermost first. */
export function positionsOf(path: Path | undefined, depth: number): number[] {
  const positions: number[] = []
  for (let at = path; at !== undefined; at = at.parent) positions.push(at.position)
  return positions.reverse().slice(depth)
}

/**
 * Maximum number of items to keep. Only the largest pipelines have more items on the way between
 * two requests of the consumer.
 */
const MOST = 256

/**
 * Keeps items that have reached the consumer, for the source to reuse. Making a new item, and
 * referring to a young object from each slot and queue, costs an eighth of the engine's time. The
 * pool is used only if no stage keeps an item beyond its task: in chains of plain pipe stages whose
 * ops do not see a context.
 */
export class ItemPool {
  isUsed = false
  private readonly items: (Item | undefined)[] = new Array(MOST).fill(undefined)
  private length = 0

  /** Takes a kept item, or makes one. */
  take(value: unknown, origin: SourceEpoch, index: number): Item {
    if (this.length === 0) return new Item(value, origin, index, undefined)
    const item = this.items[--this.length] as Item
    item.value = value
    item.origin = origin
    item.index = index
    return item
  }

  /** Returns an item after the consumer has taken its value. */
  add(item: Item): void {
    if (!this.isUsed || item.path !== undefined || this.length === MOST) return
    item.value = undefined
    this.items[this.length++] = item
  }
}
