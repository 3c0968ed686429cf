import type { BufferPool } from './buffer-pool.ts'
import type { WorkerMessage } from './call-protocol.ts'
import type { Carrier } from './carrier.ts'
import type { PoolControl } from './control.ts'

/**
 * One worker as its pool sees it, be it a thread or a process: what differs between them, and
 * nothing else.
 */
export interface WorkerLink {
  readonly control: PoolControl
  readonly carrier: Carrier
  /** Whether the worker keeps this process alive. */
  setRef(isReffed: boolean): void
  /** Ends the worker whatever it does. */
  terminate(): void
}

/** Whom a link tells. */
export interface LinkListener {
  heard(message: WorkerMessage): void
  /** The worker is gone, and all it had sent has been heard. Called once. */
  ended(ending: LinkEnding): void
}

export interface LinkEnding {
  /** How it ended, in words: `exit code 3`, `signal SIGKILL`. */
  readonly how: string
  /** What it threw, where that is known. */
  readonly error: unknown
}

/** Starts a worker. May throw. `stock`: buffers that were given back. */
export type Connect = (listener: LinkListener, stock: BufferPool) => WorkerLink
