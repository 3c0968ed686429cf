import type { PipelineState } from '../../engine/resume-state.ts'
import type { StopMode } from '../../engine/run/stop.ts'
import type { Tuning } from '../../engine/tuned.ts'
import type { LeaseHandover } from '../memory/lease.ts'
import type { SegmentPoolHandle } from '../memory/segment-pool.ts'
import type { SlotTicket } from '../memory/shared-file.ts'
import type { Committed } from './remote-commits.ts'
import type { RemoteBuildOptions } from './remote-options.ts'
import type { WireFailure, WireItemError } from './wire-failure.ts'
import type { WireStats } from './wire-stats.ts'

// The messages between the consumer's side and the worker side. One message holds many items. The
// worker side may have as many items sent and not reported as taken as its credit allows. The
// consumer reports from time to time how many it has taken, and always before it waits.

// The control block: int32 cells in shared memory. Only the worker side writes.
/**
 * Counts the messages that were posted to the consumer. A consumer that blocks its thread waits for
 * a change of it.
 */
export const POSTED = 0
/** State of the thread. */
export const STATE = 1
export const CELLS = 2

// Values of STATE.
/** None of the user's code runs yet. */
export const STARTING = 0
/** The user's module is being loaded or runs. */
export const WORKING = 1
/** None of the user's code runs any more. */
export const AT_REST = 2

// File descriptors that a process is started with.
/** Messages in both directions. */
export const MESSAGE_FD = 3
/** Shared slots for large buffers. */
export const SLOTS_FD = 4

/** Minimum size of buffers that processes pass through shared slots, in bytes. */
export const LARGE_BYTES: number = 16 * 1024

/** What the worker side is to run. */
export interface StartMessage {
  readonly kind: 'pipeline' | 'iterable'
  readonly href: string
  /** `undefined`: the first of the default names that exists. */
  readonly exportName: string | undefined
  readonly args: unknown
  /** `undefined`: depends on the size of the items. */
  readonly bufferSize: number | undefined
  /**
   * Which buffers may be transferred to the consumer without a copy: all; those that the module has
   * given up; none.
   */
  readonly moves: 'all' | 'marked' | 'none'
  readonly arena: SegmentPoolHandle | undefined
  readonly build: RemoteBuildOptions
}

/** Worker side to consumer. */
export type RemoteMessage =
  /** `refill`: after how many of the items the consumer should report that it has taken them. */
  | {
      readonly kind: 'items'
      readonly items: unknown[]
      readonly refill: number
      /** The items' leases of an arena's memory. */
      readonly leases: readonly LeaseHandover[]
    }
  /** The worker side's member number in the arena. */
  | { readonly kind: 'member'; readonly member: number }
  /** All items of an epoch have been sent. */
  | { readonly kind: 'end' }
  /** Module and export are loaded. */
  | { readonly kind: 'ready' }
  /** It has failed and gives nothing more. */
  | { readonly kind: 'failed'; readonly failure: WireFailure }
  | {
      readonly kind: 'stats'
      readonly request: number | undefined
      readonly stats: WireStats
      readonly failures: readonly WireItemError[]
      readonly tuning: Tuning
    }
  /** The state of a pipeline that can be resumed. */
  | {
      readonly kind: 'state'
      readonly request: number
      readonly state: PipelineState | undefined
      readonly error: WireFailure | undefined
    }
  /** It has stopped after 'stop'; `error`: a time limit was exceeded. */
  | { readonly kind: 'stopped'; readonly error: WireFailure | undefined }
  /** The last message of a thread or process that ends unexpectedly. */
  | { readonly kind: 'died'; readonly how: string; readonly error: WireFailure | undefined }

/**
 * What arrives on the consumer's port: a message, or one that a process has encoded (see
 * `frames.ts`).
 */
export type PortMessage =
  | RemoteMessage
  | {
      readonly kind: 'encoded'
      readonly message: Uint8Array
      readonly buffers: readonly (ArrayBuffer | SlotTicket)[]
    }

/** Consumer to worker side. */
export type ConsumerMessage =
  /** Requests the epoch with this number. */
  | { readonly kind: 'begin'; readonly epoch: number }
  /** Number of items taken since the beginning. `read`: slots that may be written again. */
  | { readonly kind: 'taken'; readonly items: number; readonly read: readonly SlotTicket[] }
  | { readonly kind: 'stats'; readonly request: number }
  /** Items that the consumer has committed. `request`: it asks for the state. */
  | { readonly kind: 'commit'; readonly committed: Committed; readonly request: number | undefined }
  | { readonly kind: 'stop'; readonly mode: StopMode; readonly timeoutMs: number | undefined }
  /** Only for the bridge of a process: ends the process by force. */
  | { readonly kind: 'kill' }
