import type { SpindleError } from '../../errors.ts'
import type { TransferStats } from '../transport/pack.ts'
import type { WorkerListener } from '../transport/watch-worker.ts'
import type { BufferPool } from './buffer-pool.ts'
import type { PoolMessage, WorkerMessage } from './call-protocol.ts'

/** The difference between a worker thread and a worker process, as the pool sees it. */
export interface PoolChannel {
  readonly control: PoolControl
  readonly transport: CallTransport
  /** Sets whether the worker keeps this process alive. */
  setRef(isReffed: boolean): void
  /** Ends the worker by force. */
  terminate(): void
}

/** Starts a worker. May throw. `bufferPool`: buffers for reuse. */
export type Connect = (
  listener: WorkerListener<WorkerMessage>,
  bufferPool: BufferPool,
) => PoolChannel

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
  /**
   * Whether so many bytes are ready to be sent that the other side should begin to read them while
   * this side makes more.
   */
  readonly hasPlenty: boolean
  send(message: PoolMessage | WorkerMessage, givesAway?: boolean): void
  /** Restores the extracted buffers of a received message in its list. */
  open(list: unknown[], extracted: readonly unknown[] | undefined): void
  /** The other side has read the slot's values up to `part`; their memory is free. */
  release(slot: number, part?: number): void
  /** Makes the error for a value that cannot be sent. */
  whyNot(value: unknown, what: string, cause: unknown): SpindleError
}

// What pool and worker can see of each other without a message: while one of them is busy, and
// after the worker's death.

/** The pool's side of a control block. */
export interface PoolControl {
  /** Resets a slot for a new task. */
  reset(slot: number): void
  /** Marks a slot's task as aborted. */
  abort(slot: number): void
  /**
   * Slots whose tasks the worker had begun and not ended. Only valid after the worker has ended.
   */
  begunSlots(): ReadonlySet<number>
  /** Those of the begun slots that wait for their op to be loaded. */
  loadingSlots(): ReadonlySet<number>
  /** Releases the resources of the block. */
  close(): void
}

/** The worker's side of a control block. */
export interface WorkerControl {
  /** Notes that the module of a slot's op is being loaded. */
  load(slot: number): void
  /** Notes that the call of a slot's op begins. */
  begin(slot: number): void
  end(slot: number): void
  /** Marks ended tasks as ended. Called before results are sent. */
  settle(): void
  isAborted(slot: number): boolean
  /**
   * Enters the op's own code. If the process is ending, this does not return, because nothing may
   * begin then.
   */
  enter(): void
  /** Leaves the op's own code. */
  leave(): void
}
