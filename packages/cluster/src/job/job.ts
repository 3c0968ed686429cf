import type { PipelineBuilder } from 'spindle'
import type { Sink } from 'spindle/sinks'
import type { Json, SeekableSource } from 'spindle/source'
import type { ShardSpec } from '../contract/epoch.ts'
import type { ShardCommit, ShardProgress, ShardRange } from '../contract/progress.ts'

/** A shard as a pipeline is made for it. */
export interface JobShard extends ShardSpec {
  /** Position in the list of shards, from 0. */
  readonly index: number
  /**
   * Limits a source to the rows of the lease: all, or a part of a shard that was split. Only shards
   * whose source goes through it can be split.
   *
   * @param source that begins at any position, such as `fromParquet` or `fromJsonLines`
   */
  rowsOf<T>(source: SeekableSource<T>): SeekableSource<T>
}

/** A shard as `run` of a job gets it. */
export interface RunningShard extends JobShard {
  /** What earlier leases committed. Continue there. */
  readonly progress: ShardProgress
  /** The rows to work on. */
  readonly range: ShardRange
  /**
   * Begins the names of everything that this lease writes. No other lease has the same, so a worker
   * that lost the shard overwrites nothing.
   */
  readonly prefix: string
  /** Aborted when the lease is lost, or the worker stops. Reject then. */
  readonly signal: AbortSignal
  /**
   * Moves the cursor and counts outputs, both or neither.
   *
   * @throws `ERR_LEASE_LOST`
   */
  commit(commit: ShardCommit): Promise<void>
}

/** A shard in a list: a name, or a name with more. */
export type ShardLike = string | ShardSpec

type Shards = Iterable<ShardLike> | AsyncIterable<ShardLike>

/** What all jobs have. */
export interface JobSettings {
  /** Name of the job, for people. Default: the name of its module. */
  readonly name?: string
  /**
   * The shards. A function gives the same list each time. Names must differ.
   */
  readonly shards: Shards | (() => Shards | Promise<Shards>)
  /** Seed of `context.rng` in the pipelines, which each shard mixes with its index. Default 0. */
  readonly seed?: number
  /** Whatever else changes results. It belongs to the identity of the epoch, as the seed does. */
  readonly settings?: Json
  /** A worker that has not renewed for this long is lost. Milliseconds, >= 300. Default 30 000. */
  readonly leaseMs?: number
  /** Attempts without progress after which a shard is dead. An integer >= 1. Default 3. */
  readonly maxAttempts?: number
  /** Workers that a shard may lose without progress. An integer >= 0. Default 5. */
  readonly maxLosses?: number
  /** Shards that one worker works on at the same time. An integer >= 1. Default 1. */
  readonly shardsAtOnce?: number
  /**
   * A split lies at a multiple of so many rows, so that batches of a shard stay as they are. An
   * integer >= 1. Default 1.
   */
  readonly splitAlign?: number
}

/** A job whose shards go through a pipeline into a sink. */
export interface PipelineJob<T> extends JobSettings {
  /** Makes the pipeline of one shard. It must be one that can be resumed. */
  readonly pipeline: (shard: JobShard) => PipelineBuilder<T> | Promise<PipelineBuilder<T>>
  /** Where results go: `jsonlShards()`, `npyShards()`, `tarShards()`, … */
  readonly sink: Sink<T, unknown>
}

/** A job whose shards are worked on by a function. */
export interface FunctionJob extends JobSettings {
  /**
   * Works on one shard, from its cursor on, and resolves when it is done.
   *
   * @returns the last commit; nothing: what was committed is all
   */
  readonly run: (shard: RunningShard) => Promise<ShardCommit | undefined> | Promise<void>
}

/** What {@link defineJob} takes and returns. */
export type Job<T = never> = PipelineJob<T> | FunctionJob
