import type { Pulse } from './pulse.ts'
import type { FromWorker, RegionSetup, ToWorker } from './region-protocol.ts'

/** The difference between a worker thread and a worker process, as the main side sees it. */
export interface Channel {
  /** For a process: shows whether it runs. */
  readonly pulse: Pulse | undefined
  /** Sends a message. If something in it cannot be sent, it throws and sends nothing. */
  post(message: ToWorker | RegionSetup, transfers: readonly ArrayBuffer[]): void
  /** Sets whether the worker keeps this process alive. */
  setRef(isReffed: boolean): void
  /** Ends the worker by force. */
  kill(): void
}

export interface ChannelListener {
  heard(message: FromWorker): void
  /** The worker has ended, and all its messages were handled. Called once. */
  ended(ending: ChannelEnding): void
}

export interface ChannelEnding {
  /** As text: `exit code 3`, `signal SIGKILL`. */
  readonly how: string
  /** The error that it threw, if known. */
  readonly error: unknown
}
