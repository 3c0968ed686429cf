import type { MessagePort } from 'node:worker_threads'

// Messages and shared memory between the thread that watches the event loop and the thread that is
// watched.

/** Indexes in the control block, which is separate from the current call. */
export const EXITING = 0
export const CONNECTED = 1
/**
 * The number of beats of the watched event loop: a timer that fires only while nothing blocks the
 * loop.
 */
export const BEATS = 2
/**
 * Milliseconds between beats: the current value, and the value that the watching thread wants from
 * the next beat on.
 */
export const BEAT_MS = 3
export const WANTED_BEAT_MS = 4
export const CONTROL_BYTES = 32

/** The data with which the watching thread starts. */
export interface WatchSetup {
  readonly callWords: SharedArrayBuffer
  readonly control: SharedArrayBuffer
  /** The port on which blocks are reported. */
  readonly port: MessagePort
  /**
   * Expression that calls the global function which takes a {@link LoopSample}. `undefined` if the
   * watched thread cannot be asked.
   */
  readonly sampler: string | undefined
  /** When running from TypeScript sources: the entry, and the module of tsx if it is needed. */
  readonly entry: string
  readonly tsx: string | undefined
}

/**
 * Commands to the watching thread: watch with the lowest threshold of all watchers, rest, or end.
 */
export type WatchCommand = { readonly thresholdMs: number } | 'rest' | 'end'

/** One frame of a stack. */
export interface StackFrame {
  readonly function: string
  /** Path or URL of the script. */
  readonly file: string
  /** From 1, in the code that runs. */
  readonly line: number
  readonly column: number
  /** Whether the frame awaits the frame before it. */
  readonly isAsync: boolean
  /** The place in the source, if the script has a source map. */
  readonly source?: { readonly file: string; readonly line: number } | undefined
}

/** A sample that the watched thread takes of itself while it is blocked. */
export interface LoopSample {
  /** The word of the current call. */
  readonly word: number
  /** Number of turns of its event loop. */
  readonly turns: number
  /** The stack, innermost frame first. Empty if the thread was idle. */
  readonly frames: readonly StackFrame[]
  /** Calls in flight by the stages' marks: mark, calls, mark, calls, … */
  readonly running: readonly number[]
  /**
   * Mark of the stage whose call started the running code. `undefined` if no stage's call did, or
   * if scopes were off (see `engine/flow/call-scopes.ts`).
   */
  readonly scope: number | undefined
  /** Whether a debugger may be attached. The thread is not asked again then. */
  readonly hasDebugger: boolean
}

/** A block. It is reported when it is certain, and again when it is over. */
export interface BlockMessage {
  readonly id: number
  readonly word: number
  /** When it began, in milliseconds since 1970, and how long it has lasted. */
  readonly beganAt: number
  readonly ms: number
  /**
   * The length without the time for which the thread waited for a processor. It decides whether the
   * code is to blame.
   */
  readonly workMs: number
  readonly isOver: boolean
  readonly samples: readonly LoopSample[]
}
