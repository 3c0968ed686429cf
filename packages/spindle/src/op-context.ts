import type { Rng } from './random.ts'
import { peek } from './user-code.ts'

/** Identifies a stage of a pipeline. */
export interface StageInfo {
  /** Number of the pipeline in this process, from 0. */
  readonly pipeline: number
  /** Number of the stage in its pipeline, from 0 (the source), in the order of building. */
  readonly id: number
  /** Name of the stage: the option `name`, or the name of the op. */
  readonly name: string
  /** Calls of the op that may be in flight at once. */
  readonly concurrency: number
  /** `file:line` of the call that added the stage, if known. */
  readonly where: string | undefined
}

/** The second argument of every op, wherever it runs. It describes the current call. */
export interface StageContext {
  /**
   * Aborted when the result is no longer needed: the pipeline was stopped, a later stage failed, or
   * the attempt timed out.
   */
  readonly signal: AbortSignal
  /**
   * Random numbers that depend only on seed, epoch, item and stage, never on scheduling. Each
   * attempt starts the sequence anew.
   */
  readonly rng: Rng
  /** Number of the attempt, from 1. */
  readonly attempt: number
  /**
   * Position of the item in its source within the epoch, from 0. A batch has the position of its
   * first member.
   */
  readonly index: number
  /** The stage that makes the call. */
  readonly stage: StageInfo
  /**
   * Allocates `byteLength` bytes for the op's result. The bytes are not cleared. In a worker of a
   * pool, they may be shared memory (option `memory` of `ThreadPool`) or reused memory (see
   * `ThreadPool.giveBack()`); they belong to the caller once the op has returned them. Elsewhere
   * the memory is new.
   */
  alloc(byteLength: number): Uint8Array
}

/**
 * Whether a value is the context of an op. A function whose second parameter is its options can
 * then be given as an op. It looks at members, because another copy of the package may have made
 * the context.
 */
export function isStageContext(value: unknown): value is StageContext {
  return typeof peek(value, 'alloc') === 'function' && typeof peek(value, 'attempt') === 'number'
}
