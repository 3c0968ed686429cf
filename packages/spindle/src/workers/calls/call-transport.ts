import type { SpindleError } from '../../errors.ts'
import type { TransferStats } from '../transport/pack.ts'
import type { PoolMessage, WorkerMessage } from './call-protocol.ts'

/** Puts values into the messages of one side, and takes values out of the messages of the other. */
export interface CallTransport {
  /** Bytes transferred and copied since they were last read. The reader resets them. */
  readonly stats: TransferStats
  /**
   * Prepares a value for the next message. The returned value belongs at index `at` of the
   * message's list. {@link release} later refers to it by `slot` and `part`.
   */
  pack(value: unknown, at: number, slot: number, part: number): unknown
  /**
   * Transfers a buffer with the next message, which must contain it. Returns whether that is
   * possible.
   */
  give(buffer: ArrayBuffer): boolean
  /**
   * Sends a message with the values packed for it. If a value cannot be sent, it throws and sends
   * nothing. Without `givesAway`, sending copies the buffers.
   */
  /** Number of messages sent. */
  readonly sent: number
  send(message: PoolMessage | WorkerMessage, givesAway?: boolean): void
  /** Restores the extracted buffers of a received message in its list. */
  open(list: unknown[], extracted: readonly unknown[] | undefined): void
  /** The other side has read the slot's values up to `part`; their memory is free. */
  release(slot: number, part?: number): void
  /** Makes the error for a value that cannot be sent. */
  whyNot(value: unknown, what: string, cause: unknown): SpindleError
}
