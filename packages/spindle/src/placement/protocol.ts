import type { CallContext } from './executor.ts'

// What pool and worker tell each other. Several tasks and several results travel in one message; a task is known by its slot, which
// stays taken until its result has come back, so that nothing else needs numbers.

/** Tasks that a worker can hold at once. */
export const SLOTS = 64

// The control block: for each slot its state, which only the worker writes (the pool resets it before it sends a task) ...
export const WAITING = 0
export const BEGUN = 1
export const ENDED = 2
// ... and, SLOTS further, whether the pool wants it no more. A worker that is in a synchronous op sees this without a message.
export const WANTED = 0
export const ABORTED = 1

/** An op as a worker is told of it, once. Its number is its place in the order of telling. */
export interface OpReference {
  readonly href: string
  readonly exportName: string
  readonly init: string | undefined
}

/** What a worker is started with. */
export interface WorkerSetup {
  readonly control: SharedArrayBuffer
  /** Called before the worker is ready. */
  readonly init: OpReference | undefined
  /** URLs for a worker that is started from TypeScript sources: its entry, and the module of tsx if that is needed. */
  readonly entry: string
  readonly tsx: string | undefined
}

/** A task's context, without what would be dear to send. */
export type WireContext = CallContext

// Pool to worker.
/** `tasks`: slot, number of the op, item, context, whether to tell of the beginning; and again. */
export interface RunMessage {
  readonly ops: readonly OpReference[]
  readonly tasks: readonly unknown[]
}
export const FIELDS_OF_TASK = 5
/** A slot whose signal is to be aborted, or the end. */
export type PoolMessage = RunMessage | number | 'close'

// Worker to pool.
export const OK = 0
export const THREW = 1
export const DROPPED = 2
/** `results`: slot, OK, THREW or DROPPED, value; and again. */
export interface ResultMessage {
  readonly results: readonly unknown[]
  /** How long ops held the thread since the last message: number of the op, calls, milliseconds; and again. */
  readonly busy: readonly number[]
  /** Numbers of ops that were found to take no context. */
  readonly blind: readonly number[]
}
export const FIELDS_OF_RESULT = 3
export const FIELDS_OF_BUSY = 3
/** A slot whose op begins. */
export type WorkerMessage = ResultMessage | number | 'ready'
