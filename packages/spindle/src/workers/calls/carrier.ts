import type { SpindleError } from '../../errors.ts'
import type { TransferStats } from '../transport/pack.ts'
import type { PoolMessage, WorkerMessage } from './call-protocol.ts'

/** How values get into the messages of one side, and out of those of the other. */
export interface Carrier {
  /** Bytes given away and copied since they were last read; the reader sets them back. */
  readonly tally: TransferStats
  /**
   * Readies a value for the next message: what it returns belongs at place `at` of the message's
   * list. `slot` and `part` say what {@link release} will call it by.
   */
  pack(value: unknown, at: number, slot: number, part: number): unknown
  /** Has a buffer go along with the next message, which must hold it; whether that is possible. */
  give(buffer: ArrayBuffer): boolean
  /**
   * Sends a message with what was packed for it. Throws, with nothing sent, if something cannot
   * cross. Without `givesAway` buffers are copied by the sending itself.
   */
  /** Messages that were sent. */
  readonly sent: number
  send(message: PoolMessage | WorkerMessage, givesAway?: boolean): void
  /** Puts into a list that has arrived what its message brings beside it. */
  open(list: unknown[], parcels: readonly unknown[] | undefined): void
  /** The other side has read a slot's values, up to `part`. */
  release(slot: number, part?: number): void
  /** Why a value cannot cross. */
  whyNot(value: unknown, what: string, cause: unknown): SpindleError
}
