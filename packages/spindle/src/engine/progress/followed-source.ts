import type { Item, Ledger, SourceEpoch } from '../flow/item.ts'

/** The method by which a source follows its items through the graph. */
export const FOLLOWED: unique symbol = Symbol.for('spindle.followed-source')

/** Makes the items of a source, with the ledger that follows them. */
export interface ItemFollower {
  readonly ledger: Ledger
  /** Makes the item of a value that the source has given. Called in the order of the values. */
  give(value: unknown, origin: SourceEpoch, index: number): Item
  /** Called once, when the source is opened. `done` settles when the pipeline has ended. */
  opened(done: Promise<void> | undefined): void
}

/** A source that needs to know what becomes of its items. */
export interface FollowedSource {
  [FOLLOWED](): ItemFollower
}

/** The follower of a source, if it has one. */
export function followerOf(source: unknown): ItemFollower | undefined {
  if (typeof source !== 'object' || source === null || !(FOLLOWED in source)) return undefined
  return (source as FollowedSource)[FOLLOWED]()
}
