import { SpindleError, TimeoutError } from '../../errors.ts'
import type { WaitLimits } from './event-count.ts'
import {
  ABORTED,
  CLOSED,
  READER,
  type RingMemory,
  recordBytes,
  ringAborted,
  SKIPPED,
} from './ring-memory.ts'
import type { SpinPolicy } from './spin-policy.ts'

const END: unique symbol = Symbol('end')

/** The reading side of a ring. */
export class RingReader {
  readonly #ring: RingMemory
  readonly #spin: SpinPolicy
  #hasClaimed = false
  /** Length of the message that was peeked at, or -1. */
  #peekedBytes = -1

  constructor(ring: RingMemory, spin: SpinPolicy) {
    this.#ring = ring
    this.#spin = spin
  }

  tryPeek(): Uint8Array | undefined {
    if (!this.#hasClaimed) {
      this.#ring.claim(READER)
      this.#hasClaimed = true
    }
    // Reads the state before the head: messages are committed before the ring is ended.
    const { state } = this.#ring
    let { tail } = this.#ring
    if (this.#ring.head === tail) {
      if (state === ABORTED) throw ringAborted()
      return undefined
    }
    if (this.#ring.lengthAt(tail) === SKIPPED) {
      // A message certainly follows, because both were published together.
      tail = (tail + this.#ring.bytesToEnd(tail)) | 0
      this.#ring.tail = tail
    }
    this.#peekedBytes = this.#ring.lengthAt(tail)
    return this.#ring.payload(tail, this.#peekedBytes)
  }

  release(): void {
    if (this.#peekedBytes < 0) throw new SpindleError('ERR_BAD_STATE', 'no message was peeked at')
    const tail = (this.#ring.tail + recordBytes(this.#peekedBytes)) | 0
    this.#peekedBytes = -1
    this.#ring.tail = tail
  }

  tryRead(): Uint8Array | undefined {
    const message = this.tryPeek()
    if (message === undefined) return undefined
    const bytes = new Uint8Array(message)
    this.release()
    return bytes
  }

  /**
   * The result of `attempt`; blocks the thread until there is a message. `undefined` at the end of
   * a closed ring.
   */
  untilMessageSync<R>(attempt: () => R | undefined, { timeoutMs }: WaitLimits): R | undefined {
    const look = (): R | typeof END | undefined => this.#orEnd(attempt)
    const found =
      this.#ring.forMessage.waitSync(look, timeoutMs, this.#spin) ?? noMessage(timeoutMs)
    return found === END ? undefined : found
  }

  async untilMessage<R>(attempt: () => R | undefined, limits: WaitLimits): Promise<R | undefined> {
    const look = (): R | typeof END | undefined => this.#orEnd(attempt)
    const found = (await this.#ring.forMessage.wait(look, limits)) ?? noMessage(limits.timeoutMs)
    return found === END ? undefined : found
  }

  #orEnd<R>(attempt: () => R | undefined): R | typeof END | undefined {
    const isClosed = this.#ring.state === CLOSED
    return attempt() ?? (isClosed ? END : undefined)
  }
}

function noMessage(timeoutMs: number): never {
  throw new TimeoutError(`the ring had no message within ${timeoutMs} ms`)
}
