import type { BufferPool } from './buffer-pool.ts'
import type { WorkerMessage } from './call-protocol.ts'
import type { Carrier } from './carrier.ts'
import type { PoolControl } from './control.ts'

/** The difference between a worker thread and a worker process, as the pool sees it. */
export interface WorkerLink {
  readonly control: PoolControl
  readonly carrier: Carrier
  /** Sets whether the worker keeps this process alive. */
  setRef(isReffed: boolean): void
  /** Ends the worker by force. */
  terminate(): void
}

/** Receives the events of a link. */
export interface LinkListener {
  heard(message: WorkerMessage): void
  /** The worker has ended, and all its messages have been handled. Called once. */
  ended(ending: LinkEnding): void
}

export interface LinkEnding {
  /** How it ended, as text: `exit code 3`, `signal SIGKILL`. */
  readonly how: string
  /** The error that it threw, if known. */
  readonly error: unknown
}

/** Starts a worker. May throw. `stock`: buffers for reuse. */
export type Connect = (listener: LinkListener, stock: BufferPool) => WorkerLink
