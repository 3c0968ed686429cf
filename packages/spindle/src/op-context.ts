import type { Rng } from './random.ts'

/** What tells one stage of a pipeline from another. */
export interface StageInfo {
  /** Number of the pipeline in this process, from 0. */
  readonly pipeline: number
  /** Number of the stage in its pipeline, in building order, from 0 (the source). */
  readonly id: number
  /** The stage's name: given, or the op's. */
  readonly name: string
  /** Calls of the op that may be in flight at once. */
  readonly concurrency: number
  /** `file:line` of the call that added the stage, where known. */
  readonly where: string | undefined
}

/**
 * The second argument of every op, wherever it runs: what it may want to know of the call it is in.
 */
export interface StageContext {
  /**
   * Aborted when the result is no longer wanted: the pipeline was stopped, a later stage failed,
   * the attempt timed out.
   */
  readonly signal: AbortSignal
  /**
   * Random numbers that depend on seed, epoch, item and stage alone, never on scheduling. Each
   * attempt starts the sequence anew.
   */
  readonly rng: Rng
  /** Which attempt this is, from 1. */
  readonly attempt: number
  /**
   * Position of the item in its source within the epoch, from 0. A batch has that of its first
   * member.
   */
  readonly index: number
  /** The stage that makes the call. */
  readonly stage: StageInfo
  /**
   * Memory for the op's result: so many bytes, with whatever is in them. In a worker of a pool it
   * may be shared memory (option `memory` of `ThreadPool`) or memory that was used before (see
   * `ThreadPool.giveBack()`), and is the caller's once it has been returned; elsewhere it is new.
   */
  alloc(byteLength: number): Uint8Array
}
