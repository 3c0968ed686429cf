import type { Epoch } from '../contract/epoch.ts'
import type { LedgerCallOptions } from '../contract/ledger.ts'

/** A shard that an engine handed out. */
export interface QueuedShard {
  /** Key of the shard, as in a lease. */
  readonly key: string
  /** What the engine needs to renew or acknowledge it. */
  readonly handle: string
}

/**
 * Hands out the shards of an epoch through an engine that distributes work. What it says is a
 * hint: the entries of the ledger decide who has a shard. So a message that is lost, doubled or
 * late costs time and nothing else.
 */
export interface ShardQueue {
  /** Puts the shards of an epoch into the queue. A shard that is in it already stays as it is. */
  fill(epoch: Epoch, options?: LedgerCallOptions): Promise<void>
  /** Puts one shard into the queue: a part of a split shard. */
  add(key: string, options?: LedgerCallOptions): Promise<void>
  /** Takes the next shard; `undefined` if none waits. It waits a second at most. */
  next(epoch: Epoch, options?: LedgerCallOptions): Promise<QueuedShard | undefined>
  /** Keeps shards from being handed out again. */
  keep(shards: readonly QueuedShard[], epoch: Epoch, options?: LedgerCallOptions): Promise<void>
  /** The shard is done or dead. */
  finish(shard: QueuedShard, options?: LedgerCallOptions): Promise<void>
  /** Gives a shard back; others get it after the delay, in milliseconds. */
  giveBack(shard: QueuedShard, delayMs: number, options?: LedgerCallOptions): Promise<void>
  /** Shows how far a shard is, where the engine has a place for it. */
  show?(shard: QueuedShard, cursor: number, options?: LedgerCallOptions): Promise<void>
  /** Frees connections. */
  close(): Promise<void>
}
