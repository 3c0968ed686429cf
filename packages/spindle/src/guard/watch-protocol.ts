import type { MessagePort } from 'node:worker_threads'

// What the thread that watches the loop and the thread that is watched tell each other.

/** Positions in the control block, besides the marker. */
export const EXITING = 0
export const CONNECTED = 1
/**
 * Counts the beats of the watched loop: a timer that comes round only while nothing holds the loop.
 */
export const BEATS = 2
/**
 * Milliseconds between the beats: now, and as the watching thread wants it from the next one on.
 */
export const BEAT_MS = 3
export const WANTED_BEAT_MS = 4
export const CONTROL_BYTES = 32

/** What the watching thread is started with. */
export interface WatchSetup {
  readonly marker: SharedArrayBuffer
  readonly control: SharedArrayBuffer
  /** Where blocks are told. */
  readonly port: MessagePort
  /**
   * Name of the global function that takes a {@link LoopSample}; `undefined` where the watched
   * thread cannot be asked.
   */
  readonly sampler: string | undefined
  /** From TypeScript sources: the entry, and the module of tsx if that is needed. */
  readonly entry: string
  readonly tsx: string | undefined
}

/**
 * To the watching thread: watch, with the least threshold of those who want to know; rest; or end.
 */
export type WatchCommand = { readonly thresholdMs: number } | 'rest' | 'end'

/** One frame of a stack. */
export interface Frame {
  readonly function: string
  /** Path or URL of the script. */
  readonly file: string
  /** From 1, in the code that runs. */
  readonly line: number
  readonly column: number
  /** Whether it waits for the frame before it. */
  readonly isAsync: boolean
  /** Where that is in the source, if the script has a source map. */
  readonly source?: { readonly file: string; readonly line: number } | undefined
}

/** What the watched thread says of itself while it stands still. */
export interface LoopSample {
  /** The marker's word. */
  readonly word: number
  /** How often its loop has turned. */
  readonly turns: number
  /** Innermost first; none if it was idle. */
  readonly frames: readonly Frame[]
  /** Calls in flight by the stages' marks: mark, calls; and again. */
  readonly running: readonly number[]
  /**
   * Mark of the stage whose call began what ran; `undefined` if none did, or scopes were not kept
   * (see `engine/call-scopes.ts`).
   */
  readonly scope: number | undefined
  /** Whether a debugger may be attached: then it is asked no more. */
  readonly hasDebugger: boolean
}

/** A block, told once it is sure and again when it is over. */
export interface BlockMessage {
  readonly id: number
  readonly word: number
  /** When it began, in milliseconds since 1970; and how long it has lasted. */
  readonly beganAt: number
  readonly ms: number
  /**
   * The same without the time for which the thread had to wait for a processor: by this it is told
   * whether the code is to blame.
   */
  readonly workMs: number
  readonly isOver: boolean
  readonly samples: readonly LoopSample[]
}
