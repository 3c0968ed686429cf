import { createHash } from 'node:crypto'
import type { Json } from 'spindle/source'

/** One unit of work, as a job lists it: a file, an archive, a range of rows. About 200 bytes. */
export interface ShardSpec {
  /** Name of the shard, such as its URL. */
  readonly name: string
  /** Size in bytes, for progress and estimates. */
  readonly bytes?: number
  /** Number of rows, if it is known. A shard of which it is known can be split. */
  readonly rows?: number
  /** Anything else that the job needs. */
  readonly data?: Json
}

/** The shards of an epoch and the rules of its leases. */
export interface EpochPlan {
  /** Identifies the epoch: a hash of the shards and of the job's settings. */
  readonly id: string
  /** Name of the job, for people. */
  readonly job: string
  /** Hash of the job's settings alone, so that a worker can compare them without the shards. */
  readonly settings?: string
  /** Number of shards. */
  readonly shardCount: number
  /** A worker that has not renewed for this long is lost. Milliseconds. */
  readonly leaseMs: number
  /** A shard that loses more workers than this without progress is dead. */
  readonly maxLosses: number
  /** The shards, in their order. May be called more than once. */
  shards(): Iterable<ShardSpec> | AsyncIterable<ShardSpec>
}

/** The epoch that a ledger holds. */
export interface Epoch {
  readonly id: string
  readonly job: string
  /** Hash of the job's settings, if its plan had one. */
  readonly settings?: string
  readonly shardCount: number
  readonly leaseMs: number
  readonly maxLosses: number
  /** When the epoch was made, in milliseconds since 1970, by the clock of its maker. */
  readonly createdMs: number
}

/**
 * The id of an epoch: a SHA-256 over the job's settings and all shards in their order.
 *
 * @param settings what changes results besides the shards, such as the seed
 */
export async function epochId(
  settings: Json,
  shards: Iterable<ShardSpec> | AsyncIterable<ShardSpec>,
): Promise<{ readonly id: string; readonly shardCount: number }> {
  const hash = createHash('sha256')
  hash.update(`${JSON.stringify(settings)}\n`)
  let shardCount = 0
  for await (const { name, bytes, rows, data } of shards) {
    hash.update(`${JSON.stringify([name, bytes ?? null, rows ?? null, data ?? null])}\n`)
    shardCount++
  }
  return { id: hash.digest('hex'), shardCount }
}
