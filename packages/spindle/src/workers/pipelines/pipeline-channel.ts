import {
  MessageChannel,
  type MessagePort,
  receiveMessageOnPort,
  type Worker,
} from 'node:worker_threads'
import { clockMs } from '../../timers.ts'
import { type Guarded, guardExit, unguardExit } from '../calls/exit-guard.ts'
import type { FileSlots, SlotTicket } from '../memory/file-slots.ts'
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

/** What a thread is given to talk with the consumer. */
export interface ChannelEnds {
  readonly port: MessagePort
  readonly control: SharedArrayBuffer
  readonly lifeline: MessagePort
}

/** A thread that stands for a process; it can always be talked with. */
export interface Bridge {
  /** Where the process puts large buffers. */
  readonly slots: FileSlots | undefined
}

/** Whom a channel tells. */
export interface ChannelOwner {
  /** A message has come by way of the loop. */
  heard(message: RemoteMessage): void
  /** The thread is gone, and all it had sent was heard. */
  gone(exitCode: number, error: unknown): void
}

/**
 * A consumer that blocks its thread looks so often, in milliseconds, whether the other one lives.
 */
const LOOK_MS = 50
/**
 * How long the end of the process waits, in milliseconds: what an abort may take, and a little
 * more.
 */
const EXIT_GRACE_MS = 1500

/**
 * The consumer's end: messages by way of the loop or, for a consumer that holds the loop, by asking
 * and by waiting. Both take from the same port, so that they can be mixed.
 */
export class Channel implements Guarded {
  readonly #port: MessagePort
  readonly #control: Int32Array = new Int32Array(
    new SharedArrayBuffer(CELLS * Int32Array.BYTES_PER_ELEMENT),
  )
  readonly #worker: Worker
  readonly #bridge: Bridge | undefined
  /** Slots that were read, and not told of. */
  #read: SlotTicket[] = []
  #lifeline: MessagePort
  #isReffed = false
  #isGone = false
  /**
   * Waits that ended by their limit although there was a message: lost wake-ups, of which there
   * must be none.
   */
  lostWakeUps = 0

  /**
   * `start` starts the thread with its ends, of which the two ports are to be transferred.
   * `bridge`: it stands for a process.
   */
  constructor(
    owner: ChannelOwner,
    bridge: Bridge | undefined,
    start: (ends: ChannelEnds) => Worker,
  ) {
    this.#bridge = bridge
    const messages = new MessageChannel()
    const life = new MessageChannel()
    this.#port = messages.port1
    this.#lifeline = life.port1
    const control = this.#control.buffer as SharedArrayBuffer
    this.#worker = start({ port: messages.port2, lifeline: life.port2, control })
    this.#port.on('message', (message: PortMessage) => owner.heard(this.#open(message)))
    this.#port.on('messageerror', (error) => owner.heard(unreadable(error)))
    let failure: unknown
    this.#worker.on('error', (error) => {
      failure = error
    })
    this.#worker.on('exit', (code) => {
      for (let message = this.poll(); message !== undefined; message = this.poll())
        owner.heard(message)
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

  /** Tells how many items have been taken since the beginning. */
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
   * Blocks this thread until there is a message. `undefined`: there was none within `limitMs`;
   * `'gone'`: there will be none.
   *
   * What is waited for is a change of a counter that was read before the port was looked into, so
   * no order of events loses a wake-up.
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
      // It may have sent its last words between the two looks.
      if (isLate && !this.#isAlive()) return this.poll() ?? 'gone'
      const leftMs = until - clockMs()
      if (leftMs <= 0) return undefined
      isLate =
        Atomics.wait(this.#control, POSTED, posted, Math.min(leftMs, LOOK_MS)) === 'timed-out'
    }
  }

  /**
   * Whether the thread lives, without a turn of the loop: a port whose other end is gone cannot be
   * transferred.
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

  /** Whether the process stays alive for what may come. */
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

  /** Ends thread or process, whatever it does. */
  kill(): void {
    if (this.#bridge !== undefined) this.post({ kind: 'kill' })
    else void this.#worker.terminate()
  }

  /** At the end of the process: asks the thread to come to rest. */
  stop(): void {
    this.post({ kind: 'stop', mode: 'abort', timeoutMs: undefined })
  }

  /** Blocks this thread until nothing of the user's runs in the other one, for a while. */
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
 * A message that cannot be read on this side is missing: nothing that comes after it may be given.
 */
function unreadable(error: unknown): RemoteMessage {
  return { kind: 'failed', failure: toWireFailure(error) }
}
