import type { OpReference } from '../../engine/worker-op.ts'
import type { StageInfo } from '../../op-context.ts'
import type { SegmentPoolHandle } from '../memory/segment-pool.ts'
import type { EntrySetup } from '../supervise/start-worker.ts'
import type { WireError } from '../transport/wire-error.ts'

// What a pool and its workers tell each other. Several tasks and several results travel in one
// message; a task is known by its slot, which stays taken until its last result has come back, so
// that nothing else needs numbers.

/** Tasks that a worker can hold at once. */
export const SLOTS = 256

// Pool to worker. Of its lists a message has those that are not empty.
export interface RunMessage {
  /**
   * Ops that this worker has not been told of. An op's number is its place in the order of telling.
   */
  readonly ops?: readonly OpReference[]
  /** Stages that this worker has not been told of: number, stage; and again. */
  readonly stages?: readonly (number | StageInfo)[]
  readonly shapes?: readonly (readonly string[])[]
  /**
   * For each task: its head; if that says so, the length of its context and that many numbers
   * (index, attempt, number of the stage, key of the random numbers); if it says so, how many
   * outputs to leave out; if it says so, leases; then the item, or the number of its shape and its
   * fields.
   */
  readonly tasks?: readonly unknown[]
  /** Slot, how many of its generator's outputs the caller has taken; and again. */
  readonly taken?: readonly number[]
  /** Buffers that the worker may use again. */
  readonly buffers?: readonly ArrayBuffer[]
  /** What the carrier has taken out of `tasks`. */
  readonly parcels?: readonly unknown[]
}
/** Tasks, a slot that is wanted no more, or the end. */
export type PoolMessage = RunMessage | number | 'close'

// The head of a task or result: its slot, flags, and the number of the op or the kind of the
// result.
export const SLOT_OF_HEAD = 0xff
export const SHAPED: number = 1 << 8
export const HAS_CONTEXT: number = 1 << 9
/** It is to be told of when the op begins. */
export const IS_TIMED: number = 1 << 10
export const SKIPS: number = 1 << 11
/** Leases of shared memory that the value has views of go with it. */
export const HAS_LEASES: number = 1 << 12
/** Where and when it ran is to be told. */
export const IS_TRACED: number = 1 << 13
export const ABOVE_FLAGS = 14

// Worker to pool.
export const OK = 0
export const THREW = 1
/** One output of a generator; the slot stays taken. */
export const OUTPUT = 2
// Those from here on have no value.
/** Given up because it is wanted no more. */
export const DROPPED = 3
/** The end of a generator. */
export const DONE = 4
/** The op begins; the slot stays taken. */
export const BEGINS = 5
export interface ResultMessage {
  readonly shapes?: readonly (readonly string[])[]
  /**
   * For each result: its head; if that says so, leases; then its value, or the number of its shape
   * and its fields.
   */
  readonly results?: readonly unknown[]
  /**
   * How long ops held the worker since the last message: number of the op, calls, milliseconds; and
   * again.
   */
  readonly busy?: readonly number[]
  /**
   * Of tasks that are traced and have ended: slot, beginning and end in milliseconds since 1970;
   * and again.
   */
  readonly spans?: readonly number[]
  /** With `spans`: process and thread. */
  readonly worker?: readonly [process: number, thread: number]
  /** Numbers of ops that were found to take no context. */
  readonly contextFree?: readonly number[]
  /** Bytes that were given away, and bytes that were copied, since the last message. */
  readonly bytes?: readonly [transferred: number, copied: number]
  /**
   * Size of buffers, and how many of that size ops have asked for since the last message; and
   * again.
   */
  readonly allocated?: readonly number[]
  /** Numbers of ops whose `init` has been called. */
  readonly initialised?: readonly number[]
  /** What the carrier has taken out of `results`. */
  readonly parcels?: readonly unknown[]
}
export const FIELDS_OF_BUSY = 3
/**
 * `'full'`: the worker's memory has grown to the limit for replacing it. A number: see `LoopEnd`;
 * how many messages the worker had heard by then.
 */
export type WorkerMessage = ResultMessage | Refused | 'ready' | 'full' | number

/**
 * A module that must not be loaded by workers, for it starts workers of its own for itself. The
 * worker ends.
 */
export interface Refused {
  readonly refused: WireError
  readonly module: string
}

/** Of a process, what ended it. */
export interface LastWords {
  readonly thrown: WireError
}

/** What every worker is started with, whatever it is. */
export interface WorkerSetup {
  /** Called before the worker is ready. */
  readonly init: OpReference | undefined
  /** What that is called with. */
  readonly initArgs: unknown
  /** Heap and buffers, in MiB, from which on the worker says `'full'`. */
  readonly maxHeapMb: number | undefined
  /** URL of the module of tsx, if the worker was started with it. */
  readonly tsx: string | undefined
}

/** What a thread of a pool is started with. */
export interface ThreadSetup extends WorkerSetup, EntrySetup {
  readonly control: SharedArrayBuffer
  /** The pool's shared memory, if it has some. */
  readonly memory: SegmentPoolHandle | undefined
  /** Threads that its pool may have, this one included. */
  readonly poolSize: number
}
