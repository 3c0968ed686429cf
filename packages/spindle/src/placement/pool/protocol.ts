import type { StageInfo } from '../../op-context.ts'
import type { WireError } from '../wire-error.ts'
import type { OpReference } from '../worker-modules.ts'

// What a pool and its workers tell each other. Several tasks and several results travel in one message; a task is known by its slot,
// which stays taken until its last result has come back, so that nothing else needs numbers.

/** Tasks that a worker can hold at once. */
export const SLOTS = 128

// Pool to worker.
export interface RunMessage {
  /** Ops that this worker has not been told of. An op's number is its place in the order of telling. */
  readonly ops: readonly OpReference[]
  /** Stages that this worker has not been told of: number, stage; and again. */
  readonly stages: readonly (number | StageInfo)[]
  /** Slot, number of the op, item, context, whether to tell of the beginning, outputs to leave out; and again. */
  readonly tasks: readonly unknown[]
  /** Slot, how many of its generator's outputs the caller has taken; and again. */
  readonly taken: readonly number[]
  /** What the carrier has taken out of `tasks`. */
  readonly parcels?: readonly unknown[]
}
export const FIELDS_OF_TASK = 6
export const ITEM_OF_TASK = 2
/** Tasks, a slot that is wanted no more, or the end. */
export type PoolMessage = RunMessage | number | 'close'

/** A task's context: index, attempt, number of the stage, and the key of the random numbers. */
export type WireContext = readonly number[]

// Worker to pool.
export const OK = 0
export const THREW = 1
/** Given up because it is wanted no more. */
export const DROPPED = 2
/** One output of a generator; the slot stays taken. */
export const OUTPUT = 3
/** The end of a generator. */
export const DONE = 4
/** The op begins; the slot stays taken. */
export const BEGINS = 5
export interface ResultMessage {
  /** Slot, what kind of result, value; and again. */
  readonly results: readonly unknown[]
  /** How long ops held the worker since the last message: number of the op, calls, milliseconds; and again. */
  readonly busy: readonly number[]
  /** Numbers of ops that were found to take no context. */
  readonly blind: readonly number[]
  /** Bytes that were given away, and bytes that were copied, since the last message. */
  readonly bytes: readonly [transferred: number, copied: number]
  /** What the carrier has taken out of `results`. */
  readonly parcels?: readonly unknown[]
}
export const FIELDS_OF_RESULT = 3
export const VALUE_OF_RESULT = 2
export const FIELDS_OF_BUSY = 3
/** `'full'`: the worker's memory has grown to the limit for replacing it. */
export type WorkerMessage = ResultMessage | 'ready' | 'full'

/** Of a process, what ended it. */
export interface LastWords {
  readonly thrown: WireError
}

/** What every worker is started with, whatever it is. */
export interface WorkerSetup {
  /** Called before the worker is ready. */
  readonly init: OpReference | undefined
  /** Heap and buffers, in MiB, from which on the worker says `'full'`. */
  readonly maxHeapMb: number | undefined
  /** URL of the module of tsx, for a worker that is started from TypeScript sources where Node needs it. */
  readonly tsx: string | undefined
}
