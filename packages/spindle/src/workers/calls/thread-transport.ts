import type { Transferable } from 'node:worker_threads'
import type { SpindleError } from '../../errors.ts'
import { notTransferable } from '../transport/not-transferable.ts'
import { type MayMove, pack, type TransferStats } from '../transport/pack.ts'
import type { PoolMessage, WorkerMessage } from './call-protocol.ts'
import type { CallTransport } from './pool-channel.ts'

/**
 * The transport between threads. Buffers are transferred where that is allowed; other values are
 * cloned.
 */
export class ThreadTransport implements CallTransport {
  readonly stats: TransferStats = { transferredBytes: 0, copiedBytes: 0 }
  /** Reading a message takes no time here, whatever it holds. */
  readonly hasPlenty: boolean = false
  sent = 0
  readonly #port: { postMessage(value: unknown, transfers: readonly Transferable[]): void }
  readonly #mayMove: MayMove
  readonly #transfers: Set<ArrayBuffer> = new Set()

  /**
   * `mayMove`: whether the buffers of a value may be transferred, so that only the other side has
   * them.
   */
  constructor(
    port: { postMessage(value: unknown, transfers: readonly Transferable[]): void },
    mayMove: MayMove,
  ) {
    this.#port = port
    this.#mayMove = mayMove
  }

  pack(value: unknown): unknown {
    return pack(value, this.#transfers, this.#mayMove, this.stats)
  }

  give(buffer: ArrayBuffer): boolean {
    this.#transfers.add(buffer)
    return true
  }

  send(message: PoolMessage | WorkerMessage, givesAway = true): void {
    let transfers = none
    if (this.#transfers.size > 0) {
      if (givesAway) transfers = [...this.#transfers]
      this.#transfers.clear()
    }
    this.#port.postMessage(message, transfers)
    this.sent++
  }

  open(): void {}

  release(): void {}

  whyNot(value: unknown, what: string, cause: unknown): SpindleError {
    return notTransferable(value, what, cause)
  }
}

const none: readonly Transferable[] = []
