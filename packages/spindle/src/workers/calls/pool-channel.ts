import type { WorkerExit } from '../supervise/start-worker.ts'
import type { BufferPool } from './buffer-pool.ts'
import type { WorkerMessage } from './call-protocol.ts'
import type { CallTransport } from './call-transport.ts'
import type { PoolControl } from './control.ts'

/** The difference between a worker thread and a worker process, as the pool sees it. */
export interface PoolChannel {
  readonly control: PoolControl
  readonly transport: CallTransport
  /** Sets whether the worker keeps this process alive. */
  setRef(isReffed: boolean): void
  /** Ends the worker by force. */
  terminate(): void
}

/** Receives the events of a channel. */
export interface PoolChannelListener {
  onMessage(message: WorkerMessage): void
  /** The worker has ended, and all its messages have been handled. Called once. */
  ended(exit: WorkerExit): void
}

/** Starts a worker. May throw. `bufferPool`: buffers for reuse. */
export type Connect = (listener: PoolChannelListener, bufferPool: BufferPool) => PoolChannel
