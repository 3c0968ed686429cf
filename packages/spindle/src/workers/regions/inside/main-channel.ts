import { isMainThread, parentPort } from 'node:worker_threads'
import { type Lifeline, processLifeline } from '../../supervise/loop-end.ts'
import { FROM_WORKER, opened, sealed, TO_WORKER } from '../../transport/envelope.ts'
import { BLOCKING_CALLS, BLOCKING_SEQ, BLOCKING_STAGE } from '../region-protocol.ts'

/** The worker's side of its channel: a thread's port, or a process's IPC channel. */
export interface MainChannel {
  readonly isProcess: boolean
  post(message: object | string, transfers: readonly ArrayBuffer[]): void
  listen(onMessage: (message: unknown) => void): void
  /** What keeps the worker alive while it waits for messages. */
  readonly lifeline: Lifeline
}

/** Opens the channel to the main side. A process whose parent has ended ends too. */
export function openMainChannel(): MainChannel {
  if (!isMainThread && parentPort !== null) {
    const port = parentPort
    return {
      isProcess: false,
      lifeline: port,
      post: (message, transfers) => port.postMessage(sealed(FROM_WORKER, message), transfers),
      listen: (onMessage) => void port.on('message', ours(onMessage)),
    }
  }
  process.on('disconnect', () => process.exit())
  return {
    isProcess: true,
    lifeline: processLifeline,
    // Without the callback, an error (for example, that the parent has ended) would be thrown
    // outside any call.
    post: (message) =>
      void (
        process.connected &&
        process.send?.(sealed(FROM_WORKER, message), undefined, undefined, () => {})
      ),
    listen: (onMessage) => void process.on('message', ours(onMessage)),
  }
}

/** Ignores messages that the main side did not send. */
function ours(onMessage: (message: unknown) => void): (message: unknown) => void {
  return (message) => {
    const received = opened(TO_WORKER, message)
    if (received !== undefined) onMessage(received)
  }
}

/**
 * Reports to the main side which call with a time limit blocks this worker. A timer in this worker
 * would not fire.
 */
export class BlockingCalls {
  readonly #port: MainChannel
  readonly #control: Int32Array | undefined

  constructor(port: MainChannel, control: SharedArrayBuffer | undefined) {
    this.#port = port
    this.#control = control === undefined ? undefined : new Int32Array(control)
  }

  /** `seq`: number of the call's input; -1 if there are several. */
  begin(stage: number, seq: number): void {
    if (this.#control === undefined) this.#port.post({ blockingStage: stage, seq }, [])
    else {
      Atomics.store(this.#control, BLOCKING_SEQ, seq)
      Atomics.add(this.#control, BLOCKING_CALLS, 1)
      Atomics.store(this.#control, BLOCKING_STAGE, stage + 1)
    }
  }

  end(): void {
    if (this.#control === undefined) this.#port.post({ blockingStage: -1, seq: -1 }, [])
    else Atomics.store(this.#control, BLOCKING_STAGE, 0)
  }
}
