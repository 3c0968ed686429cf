import type { WorkerListener } from '../transport/watch-worker.ts'
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

/** Starts a worker. May throw. `bufferPool`: buffers for reuse. */
export type Connect = (
  listener: WorkerListener<WorkerMessage>,
  bufferPool: BufferPool,
) => PoolChannel
