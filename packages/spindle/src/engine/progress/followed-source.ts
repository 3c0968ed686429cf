import type { Item, Ledger, SourceEpoch } from '../flow/item.ts'

/** Makes the items of a source, with the ledger that follows them. */
export interface ItemFollower {
  readonly ledger: Ledger
  /** Makes the item of a value that the source has given. Called in the order of the values. */
  give(value: unknown, origin: SourceEpoch, index: number): Item
  /** Called once, when the source is opened. `done` settles when the pipeline has ended. */
  opened(done: Promise<void> | undefined): void
}

const makers: WeakMap<object, () => ItemFollower> = new WeakMap()

/** Registers a source that needs to know what becomes of its items. */
export function follow(source: object, make: () => ItemFollower): void {
  makers.set(source, make)
}

/** Makes the follower of a source, if it was registered. */
export function followerOf(source: unknown): ItemFollower | undefined {
  return typeof source === 'object' && source !== null ? makers.get(source)?.() : undefined
}
