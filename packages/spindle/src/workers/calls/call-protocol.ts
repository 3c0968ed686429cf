import type { OpReference } from '../../engine/worker-op.ts'
import type { StageInfo } from '../../op-context.ts'
import type { SegmentPoolHandle } from '../memory/segment-pool.ts'
import type { EntrySetup } from '../supervise/start-worker.ts'
import type { WireError } from '../transport/wire-error.ts'

// The messages between a pool and its workers. A message holds several tasks or several results. A
// task is identified by its slot, which stays taken until its last result has arrived, so nothing
// else needs a number.

/** Maximum number of tasks that a worker holds. */
export const SLOTS = 256

// Pool to worker. Empty lists are left out of the message.
export interface RunMessage {
  /** Ops that are new to this worker. An op's number is its position in the order of arrival. */
  readonly ops?: readonly OpReference[]
  /** Stages that are new to this worker: alternating number and stage. */
  readonly stages?: readonly (number | StageInfo)[]
  readonly shapes?: readonly (readonly string[])[]
  /**
   * For each task, in this order: its head; if flagged, the length of its context and that many
   * numbers (index, attempt, number of the stage, key of the random numbers); if flagged, the
   * number of outputs to skip; if flagged, leases; then the item, or the number of its shape and
   * its fields.
   */
  readonly tasks?: readonly unknown[]
  /** Alternating slot and number of its generator's outputs that the caller has taken. */
  readonly taken?: readonly number[]
  /** Buffers that the worker may reuse. */
  readonly buffers?: readonly ArrayBuffer[]
  /** What the transport has extracted from `tasks`. */
  readonly extracted?: readonly unknown[]
}
/** Tasks; or a slot whose task was aborted; or the end. */
export type PoolMessage = RunMessage | number | 'close'

// The head of a task or result: its slot, flags, and the number of the op or the kind of the
// result.
export const SLOT_OF_HEAD = 0xff
export const SHAPED: number = 1 << 8
export const HAS_CONTEXT: number = 1 << 9
/** The pool wants to know when the op begins. */
export const IS_TIMED: number = 1 << 10
export const SKIPS: number = 1 << 11
/** The message holds leases of shared memory that the value has views of. */
export const HAS_LEASES: number = 1 << 12
/** The pool wants to know where and when the task ran. */
export const IS_TRACED: number = 1 << 13
export const ABOVE_FLAGS = 14

// Worker to pool.
export const OK = 0
export const THREW = 1
/** One output of a generator; the slot stays taken. */
export const OUTPUT = 2
// Results from here on have no value.
/** The task was aborted and is given up. */
export const DROPPED = 3
/** The end of a generator. */
export const DONE = 4
/** The op begins; the slot stays taken. */
export const BEGINS = 5
export interface ResultMessage {
  readonly shapes?: readonly (readonly string[])[]
  /**
   * For each result, in this order: its head; if flagged, leases; then its value, or the number of
   * its shape and its fields.
   */
  readonly results?: readonly unknown[]
  /**
   * How long ops have blocked the worker since the last message: repeated op number, number of
   * calls, milliseconds.
   */
  readonly busy?: readonly number[]
  /**
   * For traced tasks that have ended: repeated slot, beginning, end, in milliseconds since 1970.
   */
  readonly spans?: readonly number[]
  /** With `spans`: process and thread. */
  readonly worker?: readonly [process: number, thread: number]
  /** Numbers of ops that were found to take no context. */
  readonly contextFree?: readonly number[]
  /** Bytes that were transferred and bytes that were copied since the last message. */
  readonly bytes?: readonly [transferred: number, copied: number]
  /**
   * Alternating buffer size and number of buffers of that size that ops have requested since the
   * last message.
   */
  readonly allocated?: readonly number[]
  /** Numbers of ops whose `init` has been called. */
  readonly initialised?: readonly number[]
  /** What the transport has extracted from `results`. */
  readonly extracted?: readonly unknown[]
  /** With `results`: when the message was sent, in milliseconds since 1970. */
  readonly sentAt?: number
}
export const FIELDS_OF_BUSY = 3
/**
 * `'full'`: the worker's memory has reached the limit at which it is replaced. A number (see
 * `LoopEnd`): how many messages the worker had received when nothing was left to run.
 */
export type WorkerMessage = ResultMessage | Refused | 'ready' | 'full' | number

/**
 * Reports a module that workers must not load, because it starts workers of itself. The worker then
 * ends.
 */
export interface Refused {
  readonly refused: WireError
  readonly module: string
}

/** The error that ended a process. */
export interface LastWords {
  readonly thrown: WireError
}

/** What every worker, thread or process, is started with. */
export interface PoolWorkerSetup {
  /** Op that is called before the worker is ready. */
  readonly init: OpReference | undefined
  /** Argument of `init`. */
  readonly initArgs: unknown
  /** Size of heap and buffers, in MiB, at which the worker sends `'full'`. */
  readonly maxHeapMb: number | undefined
  /** URL of tsx's module, if the worker was started with it. */
  readonly tsx: string | undefined
}

/** What a thread of a pool is started with. */
export interface PoolThreadSetup extends PoolWorkerSetup, EntrySetup {
  readonly control: SharedArrayBuffer
  /** The shared memory of the pool, if any. */
  readonly memory: SegmentPoolHandle | undefined
  /** Maximum number of threads of the pool, this one included. */
  readonly poolSize: number
}
