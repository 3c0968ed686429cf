import type { Pulse } from './pulse.ts'
import type { FromWorker, RegionSetup, ToWorker } from './region-protocol.ts'

/**
 * One worker as the main side sees it, be it a thread or a process: what differs between them, and
 * nothing else.
 */
export interface Channel {
  /** Of a process, where its life can be seen. */
  readonly pulse: Pulse | undefined
  /** Sends a message. Throws, with nothing sent, if something in it cannot cross. */
  post(message: ToWorker | RegionSetup, transfers: readonly ArrayBuffer[]): void
  /** Whether the worker keeps this process alive. */
  setRef(isReffed: boolean): void
  /** Ends the worker whatever it does. */
  kill(): void
}

export interface ChannelListener {
  heard(message: FromWorker): void
  /** The worker is gone, and all it had sent has been heard. Called once. */
  ended(ending: ChannelEnding): void
}

export interface ChannelEnding {
  /** In words: `exit code 3`, `signal SIGKILL`. */
  readonly how: string
  /** What it threw, where that is known. */
  readonly error: unknown
}
