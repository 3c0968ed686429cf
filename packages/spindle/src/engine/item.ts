import type { BatchGroup } from './batch-group.ts'

/** Positions among the outputs of generators and batches, from the source item down to one of its descendants. */
export interface Path {
  readonly parent: Path | undefined
  readonly position: number
}

/** The index that marks the boundary between two epochs; a boundary travels through the queues as an item does. */
const BOUNDARY = -1

// Where an item stands in the window of a stage that keeps its input's order.
export const PENDING = 0
export const READY = 1
export const DROPPED = 2
export const FAILED = 3
export const EXPANDING = 4

/**
 * One item on its way: a value and where it came from. The same object goes through all one-to-one stages, which replace
 * `value`; generators and batches make new ones. This is the only thing the engine allocates for an item besides the context of each call.
 *
 * Where items come to be and cease to be is in four functions, so that a ledger of what is unfinished has four
 * places to listen at: the source (birth), {@link child} (fork), {@link joined} (batch), {@link retire} (death).
 */
export class Item {
  value: unknown
  /** Number of the source in its graph. */
  readonly source: number
  readonly epoch: number
  /** Position in the source within the epoch, from 0. */
  readonly index: number
  readonly path: Path | undefined
  /** The batch this is a part of, inside batched variants. */
  group: BatchGroup | undefined
  /** Its place in an ordered window: one of the constants above. */
  state: number = PENDING

  constructor(
    value: unknown,
    source: number,
    epoch: number,
    index: number,
    path: Path | undefined,
    group: BatchGroup | undefined,
  ) {
    this.value = value
    this.source = source
    this.epoch = epoch
    this.index = index
    this.path = path
    this.group = group
  }
}

/** The mark between an epoch and the next. */
export function boundaryAfter(epoch: number): Item {
  return new Item(undefined, 0, epoch, BOUNDARY, undefined, undefined)
}

/** The item an aggregator is flushed for: it stands for no position of the source. */
export function flushItem(epoch: number): Item {
  return new Item(undefined, 0, epoch, BOUNDARY, undefined, undefined)
}

/** Whether an item is the mark between two epochs. */
export function isBoundary(item: Item): boolean {
  return item.index === BOUNDARY
}

/** The `position`-th output of `parent`. */
export function child(parent: Item, value: unknown, position: number): Item {
  parent.group?.enter()
  const path = { parent: parent.path, position }
  return new Item(value, parent.source, parent.epoch, parent.index, path, parent.group)
}

/** A batch, known by its first member. */
export function joined(first: Item, value: unknown): Item {
  return new Item(value, first.source, first.epoch, first.index, first.path, first.group)
}

/** The item ends here: filtered out, failed, expanded, or discarded. */
export function retire(item: Item): void {
  item.group?.leave()
}

/** The item is thrown away because the pipeline stops: nobody looked at it. */
export function discard(item: Item): void {
  if (item.group !== undefined) item.group.isSpoilt = true
  retire(item)
}

/** `item 17`, or `item 17.0.2` for an output of generators. */
export function describeItem(item: Item): string {
  const positions: number[] = []
  for (let path = item.path; path !== undefined; path = path.parent) positions.unshift(path.position)
  return [item.index, ...positions].join('.')
}
