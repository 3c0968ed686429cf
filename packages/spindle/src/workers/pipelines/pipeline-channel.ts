import {
  MessageChannel,
  type MessagePort,
  receiveMessageOnPort,
  type Worker,
} from 'node:worker_threads'
import { clockMs } from '../../timers.ts'
import { type Guarded, guardExit, unguardExit } from '../calls/exit-guard.ts'
import type { SharedFile, SlotTicket } from '../memory/shared-file.ts'
import { decode } from './frames.ts'
import {
  CELLS,
  type ConsumerMessage,
  POSTED,
  type PortMessage,
  type RemoteMessage,
  STATE,
  WORKING,
} from './pipeline-protocol.ts'
import { toWireFailure } from './wire-failure.ts'

/** What a thread gets to communicate with the consumer. */
export interface PipelineChannelEnds {
  readonly port: MessagePort
  readonly control: SharedArrayBuffer
  readonly lifeline: MessagePort
}

/** A thread that relays messages of a process. It can always receive messages. */
export interface Bridge {
  /** Where the process puts large buffers. */
  readonly slots: SharedFile | undefined
}

/** Receives the events of a channel. */
export interface PipelineChannelOwner {
  /** A message has arrived on the event loop. */
  onMessage(message: RemoteMessage): void
  /** The thread has ended, and all its messages were handled. */
  gone(exitCode: number, error: unknown): void
}

/**
 * How often a consumer that blocks its thread checks whether the other thread lives, in
 * milliseconds.
 */
const LOOK_MS = 50
/** How long the end of the process waits, in milliseconds: slightly more than an abort may take. */
const EXIT_GRACE_MS = 1500

/**
 * The consumer's end. Messages arrive on the event loop or, for a consumer that blocks the event
 * loop, by polling and waiting. Both read from the same port, so they can be mixed.
 */
export class PipelineChannel implements Guarded {
  readonly #port: MessagePort
  readonly #control: Int32Array = new Int32Array(
    new SharedArrayBuffer(CELLS * Int32Array.BYTES_PER_ELEMENT),
  )
  readonly #worker: Worker
  readonly #bridge: Bridge | undefined
  /** Slots that were read and not reported yet. */
  #read: SlotTicket[] = []
  #lifeline: MessagePort
  #isReffed = false
  #isGone = false
  /**
   * Number of waits that ended by time-out although there was a message: lost wake-ups. 0 unless
   * there is a bug.
   */
  lostWakeUps = 0

  /**
   * `start` starts the thread with its ends; the two ports must be transferred. `bridge`: set if
   * the thread stands for a process.
   */
  constructor(
    owner: PipelineChannelOwner,
    bridge: Bridge | undefined,
    start: (ends: PipelineChannelEnds) => Worker,
  ) {
    this.#bridge = bridge
    const messages = new MessageChannel()
    const life = new MessageChannel()
    this.#port = messages.port1
    this.#lifeline = life.port1
    const control = this.#control.buffer as SharedArrayBuffer
    this.#worker = start({ port: messages.port2, lifeline: life.port2, control })
    this.#port.on('message', (message: PortMessage) => owner.onMessage(this.#open(message)))
    this.#port.on('messageerror', (error) => owner.onMessage(unreadable(error)))
    let failure: unknown
    this.#worker.on('error', (error) => {
      failure = error
    })
    this.#worker.on('exit', (code) => {
      for (let message = this.poll(); message !== undefined; message = this.poll())
        owner.onMessage(message)
      this.#isGone = true
      unguardExit(this)
      this.#port.close()
      bridge?.slots?.close()
      owner.gone(code, failure)
    })
    this.#worker.unref()
    this.#port.unref()
    guardExit(this)
  }

  post(message: ConsumerMessage): void {
    this.#port.postMessage(message)
  }

  /** Reports the number of items that were taken since the beginning. */
  postTaken(items: number): void {
    const read = this.#read
    this.#read = []
    this.post({ kind: 'taken', items, read })
  }

  #open(message: PortMessage): RemoteMessage {
    if (message.kind !== 'encoded') return message
    try {
      const slots = this.#bridge?.slots
      const buffers = message.buffers.flatMap((part) => {
        if (part instanceof ArrayBuffer) return part
        this.#read.push(part)
        return (slots?.read(part).buffer as ArrayBuffer | undefined) ?? []
      })
      return decode({ message: message.message, buffers }) as RemoteMessage
    } catch (error) {
      return unreadable(error)
    }
  }

  /** The next message, if there is one. */
  poll(): RemoteMessage | undefined {
    let received: { readonly message: PortMessage } | undefined
    try {
      received = receiveMessageOnPort(this.#port)
    } catch (error) {
      return unreadable(error)
    }
    return received === undefined ? undefined : this.#open(received.message)
  }

  /**
   * Blocks this thread until there is a message. Returns `undefined` if there was none within
   * `limitMs`, and `'gone'` if there will be none.
   *
   * It waits for a change of a counter that it read before it polled the port, so no order of
   * events loses a wake-up.
   */
  wait(limitMs: number): RemoteMessage | 'gone' | undefined {
    const until = clockMs() + limitMs
    let isLate = false
    for (;;) {
      const posted = Atomics.load(this.#control, POSTED)
      const message = this.poll()
      if (message !== undefined) {
        if (isLate) this.lostWakeUps++
        return message
      }
      // It may have sent its last messages between the two checks.
      if (isLate && !this.#isAlive()) return this.poll() ?? 'gone'
      const leftMs = until - clockMs()
      if (leftMs <= 0) return undefined
      isLate =
        Atomics.wait(this.#control, POSTED, posted, Math.min(leftMs, LOOK_MS)) === 'timed-out'
    }
  }

  /**
   * Whether the thread lives, without a turn of the event loop: a port whose other end is gone
   * cannot be transferred.
   */
  #isAlive(): boolean {
    if (this.#isGone) return false
    receiveMessageOnPort(this.#lifeline)
    try {
      this.#lifeline = structuredClone(this.#lifeline, { transfer: [this.#lifeline] })
      return true
    } catch {
      return false
    }
  }

  /** Sets whether the channel keeps the process alive. */
  setRef(isReffed: boolean): void {
    if (isReffed === this.#isReffed || this.#isGone) return
    this.#isReffed = isReffed
    if (isReffed) {
      this.#worker.ref()
      this.#port.ref()
    } else {
      this.#worker.unref()
      this.#port.unref()
    }
  }

  /** Ends the thread or process by force. */
  kill(): void {
    if (this.#bridge !== undefined) this.post({ kind: 'kill' })
    else void this.#worker.terminate()
  }

  /** Asks the thread to stop, at the end of the process. */
  stop(): void {
    this.post({ kind: 'stop', mode: 'abort', timeoutMs: undefined })
  }

  /** Blocks this thread until none of the user's code runs in the other one, for a limited time. */
  waitUntilOutside(endsAt: number): void {
    const until = endsAt + EXIT_GRACE_MS
    while (!this.#isGone && Atomics.load(this.#control, STATE) === WORKING) {
      const leftMs = until - clockMs()
      if (leftMs <= 0 || !this.#isAlive()) return
      Atomics.wait(this.#control, STATE, WORKING, Math.min(leftMs, LOOK_MS))
    }
  }
}

/**
 * The stream fails if a message cannot be read on this side: later items must not be given without
 * it.
 */
function unreadable(error: unknown): RemoteMessage {
  return { kind: 'failed', failure: toWireFailure(error) }
}
