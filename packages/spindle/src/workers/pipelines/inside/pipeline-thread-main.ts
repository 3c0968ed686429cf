import { type MessagePort, workerData } from 'node:worker_threads'
import type { LeaseHandover } from '../../memory/lease.ts'
import type { Lifeline } from '../../supervise/loop-end.ts'
import type { EntrySetup } from '../../supervise/start-worker.ts'
import {
  AT_REST,
  type ConsumerMessage,
  POSTED,
  type RemoteMessage,
  STATE,
  type StartMessage,
  WORKING,
} from '../pipeline-protocol.ts'
import { type ConsumerChannel, runEpochs } from './epoch-runner.ts'

// The main module of the thread of a whole pipeline.

/** What the thread is started with. */
export interface PipelineThreadSetup extends EntrySetup {
  readonly port: MessagePort
  readonly control: SharedArrayBuffer
  /**
   * Only held. Its other end tells the consumer whether this thread lives, even while the consumer
   * blocks its own thread.
   */
  readonly lifeline: MessagePort
  readonly startMessage: StartMessage
}

const {
  port,
  control: controlBuffer,
  lifeline,
  startMessage,
  tsx,
} = workerData as PipelineThreadSetup
const control = new Int32Array(controlBuffer)

class ThreadConsumerChannel implements ConsumerChannel {
  /** An unreferenced port would be collected and closed. */
  readonly alive: MessagePort = lifeline
  readonly lifeline: Lifeline = port

  sendItems(
    items: unknown[],
    refill: number,
    transfers: Set<ArrayBuffer>,
    leases: readonly LeaseHandover[],
  ): void {
    this.#post({ kind: 'items', items, refill, leases }, [...transfers])
  }

  send(message: RemoteMessage): void {
    this.#post(message, [])
  }

  #post(message: RemoteMessage, transfers: readonly ArrayBuffer[]): void {
    port.postMessage(message, transfers)
    // A thread that waits for a change of this cell wakes up or finds it changed, so the message is
    // not missed in any order of events.
    Atomics.add(control, POSTED, 1)
    Atomics.notify(control, POSTED)
  }

  working(): void {
    Atomics.store(control, STATE, WORKING)
  }

  atRest(): void {
    Atomics.store(control, STATE, AT_REST)
    Atomics.notify(control, STATE)
    process.exit(0)
  }
}

const runner = runEpochs(new ThreadConsumerChannel(), startMessage, tsx !== undefined)
port.on('message', (message: ConsumerMessage) => runner.onMessage(message))
