import type { PipelineState } from '../../engine/resume-state.ts'
import type { StopMode } from '../../engine/run/stop.ts'
import type { Tuning } from '../../engine/tuned.ts'
import type { SlotTicket } from '../memory/file-slots.ts'
import type { LeaseHandover } from '../memory/lease.ts'
import type { SegmentPoolHandle } from '../memory/segment-pool.ts'
import type { Committed } from './remote-commits.ts'
import type { RemoteBuildOptions } from './remote-options.ts'
import type { WireFailure, WireItemError } from './wire-failure.ts'
import type { WireStats } from './wire-stats.ts'

// What the consumer's side and the far side tell each other. Items travel many to a message. The
// far side may have sent, and not seen taken, so many items as its credit says; the consumer tells
// now and then how many it has taken, and always before it waits.

// The control block: int32 cells in shared memory. Only the far side writes.
/**
 * Counts the messages that were posted to the consumer: what a consumer that blocks its thread
 * waits for.
 */
export const POSTED = 0
/** How far the thread has come. */
export const STATE = 1
export const CELLS = 2

// Values of STATE.
/** Nothing of the user's runs yet. */
export const STARTING = 0
/** The user's module is being loaded, or works. */
export const WORKING = 1
/** Nothing of the user's runs any more. */
export const AT_REST = 2

// File descriptors that a process is started with.
/** Messages, both ways. */
export const MESSAGE_FD = 3
/** Shared slots for large buffers. */
export const SLOTS_FD = 4

/** Buffers from this size on go from process to process through shared slots, in bytes. */
export const LARGE_BYTES: number = 16 * 1024

/** What the far side is to run. */
export interface StartMessage {
  readonly kind: 'pipeline' | 'iterable'
  readonly href: string
  /** `undefined`: the first that there is of the usual ones. */
  readonly exportName: string | undefined
  readonly args: unknown
  /** `undefined`: by the size of the items. */
  readonly bufferSize: number | undefined
  /**
   * Which buffers may be given to the consumer without a copy: all; those that the module has given
   * up; none.
   */
  readonly moves: 'all' | 'marked' | 'none'
  readonly arena: SegmentPoolHandle | undefined
  readonly build: RemoteBuildOptions
}

/** Far side to consumer. */
export type RemoteMessage =
  /** `refill`: after how many of them the consumer should tell that it has taken them. */
  | {
      readonly kind: 'items'
      readonly items: unknown[]
      readonly refill: number
      /** What the items have of an arena's memory. */
      readonly leases: readonly LeaseHandover[]
    }
  /** Who the far side is among those who use the arena. */
  | { readonly kind: 'member'; readonly member: number }
  /** All items of an epoch have been sent. */
  | { readonly kind: 'end' }
  /** Module and export are there. */
  | { readonly kind: 'ready' }
  /** It failed, and gives nothing more. */
  | { readonly kind: 'failed'; readonly failure: WireFailure }
  | {
      readonly kind: 'stats'
      readonly request: number | undefined
      readonly stats: WireStats
      readonly failures: readonly WireItemError[]
      readonly tuning: Tuning
    }
  /** How far it is, of a pipeline that can be resumed. */
  | {
      readonly kind: 'state'
      readonly request: number
      readonly state: PipelineState | undefined
      readonly error: WireFailure | undefined
    }
  /** It came to rest after 'stop'; `error`: a limit was passed. */
  | { readonly kind: 'stopped'; readonly error: WireFailure | undefined }
  /** Last words of a thread or process that ends without having been asked to. */
  | { readonly kind: 'died'; readonly how: string; readonly error: WireFailure | undefined }

/**
 * What comes out of the consumer's port: a message, or one that a process has encoded (see
 * `frames.ts`).
 */
export type PortMessage =
  | RemoteMessage
  | {
      readonly kind: 'encoded'
      readonly message: Uint8Array
      readonly buffers: readonly (ArrayBuffer | SlotTicket)[]
    }

/** Consumer to far side. */
export type ConsumerMessage =
  /** Epoch number so and so is wanted. */
  | { readonly kind: 'begin'; readonly epoch: number }
  /** So many items have been taken since the beginning. `read`: slots that may be written again. */
  | { readonly kind: 'taken'; readonly items: number; readonly read: readonly SlotTicket[] }
  | { readonly kind: 'stats'; readonly request: number }
  /** Items that the consumer has done with. `request`: it asks how far things are. */
  | { readonly kind: 'commit'; readonly committed: Committed; readonly request: number | undefined }
  | { readonly kind: 'stop'; readonly mode: StopMode; readonly timeoutMs: number | undefined }
  /** To the bridge of a process only: end it, whatever it does. */
  | { readonly kind: 'kill' }
