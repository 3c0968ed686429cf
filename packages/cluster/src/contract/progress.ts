import type { Json } from 'spindle/source'

/** Something that a shard produced, such as an object in the sink's place. Plain JSON. */
export interface ShardOutput {
  /** Name of the object. */
  readonly name: string
  /** Number of records in it. */
  readonly count: number
  /** Size in bytes. */
  readonly bytes: number
  /** Digest of the bytes, such as `sha256:…`. */
  readonly digest?: string
}

/** Rows of a shard. */
export interface ShardRange {
  /** The first row. 0 except in parts of split shards. */
  readonly start: number
  /** The row after the last. Default: the end of the shard. */
  readonly end?: number
}

/** How far a shard is. */
export interface ShardProgress {
  /** Number of rows that are done, from the range's start. An integer >= 0 that never decreases. */
  readonly cursor: number
  /** What the job needs to continue there. */
  readonly state?: Json
  /** What the rows before the cursor produced. Nothing else counts. */
  readonly outputs: readonly ShardOutput[]
}

/** What a commit adds. */
export interface ShardCommit {
  /** The new cursor. */
  readonly cursor: number
  /** The new state; it replaces the old one. */
  readonly state?: Json
  /** Outputs since the last commit. The ledger appends them to the earlier ones. */
  readonly outputs?: readonly ShardOutput[]
}
