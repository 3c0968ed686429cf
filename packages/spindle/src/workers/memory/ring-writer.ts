import { badOption, checkInteger } from '../../check.ts'
import { SpindleError, TimeoutError } from '../../errors.ts'
import type { WaitLimits } from './event-count.ts'
import {
  ABORTED,
  OPEN,
  type RingMemory,
  recordBytes,
  ringAborted,
  SKIPPED,
  WRITER,
} from './ring-memory.ts'
import type { SpinPolicy } from './spin-policy.ts'

/** The writing side of a ring. */
export class RingWriter {
  readonly #ring: RingMemory
  readonly #spin: SpinPolicy
  #hasClaimed = false
  #isWaiting = false
  /** Start and length of the reservation; -1 if there is none. */
  #reservedAt = 0
  #reservedBytes = -1

  constructor(ring: RingMemory, spin: SpinPolicy) {
    this.#ring = ring
    this.#spin = spin
  }

  tryReserve(byteLength: number): Uint8Array | undefined {
    this.#check(byteLength)
    const { head, tail, capacityBytes } = this.#ring
    const size = recordBytes(byteLength)
    const toEnd = this.#ring.bytesToEnd(head)
    const skipped = toEnd < size ? toEnd : 0
    if (capacityBytes - ((head - tail) >>> 0) < skipped + size) return undefined
    if (skipped > 0) this.#ring.setLength(head, SKIPPED)
    this.#reservedAt = (head + skipped) | 0
    this.#reservedBytes = byteLength
    return this.#ring.payload(this.#reservedAt, byteLength)
  }

  commit(byteLength: number = this.#reservedBytes): void {
    if (this.#reservedBytes < 0) throw new SpindleError('ERR_BAD_STATE', 'no room was reserved')
    checkInteger('byteLength', byteLength, 0)
    if (byteLength > this.#reservedBytes)
      badOption('byteLength', `at most what was reserved, ${this.#reservedBytes}`, byteLength)
    this.#reservedBytes = -1
    this.#ring.setLength(this.#reservedAt, byteLength)
    this.#ring.head = (this.#reservedAt + recordBytes(byteLength)) | 0
  }

  tryWrite(message: Uint8Array): boolean {
    const room = this.tryReserve(message.byteLength)
    if (room === undefined) return false
    room.set(message)
    this.commit()
    return true
  }

  /** The first result of `attempt` that is not `undefined`. Blocks the thread until then. */
  untilRoomSync<R>(attempt: () => R | undefined, { timeoutMs }: WaitLimits): R {
    return this.#ring.forRoom.waitSync(attempt, timeoutMs, this.#spin) ?? noRoom(timeoutMs)
  }

  async untilRoom<R>(attempt: () => R | undefined, limits: WaitLimits): Promise<R> {
    if (this.#isWaiting)
      throw new SpindleError(
        'ERR_BAD_STATE',
        'an earlier message still waits for room: await it first',
      )
    this.#isWaiting = true
    try {
      return (await this.#ring.forRoom.wait(attempt, limits)) ?? noRoom(limits.timeoutMs)
    } finally {
      this.#isWaiting = false
    }
  }

  #check(byteLength: number): void {
    if (!this.#hasClaimed) {
      this.#ring.claim(WRITER)
      this.#hasClaimed = true
    }
    checkInteger('byteLength', byteLength, 0)
    const { maxMessageBytes, capacityBytes, state } = this.#ring
    if (byteLength > maxMessageBytes)
      throw new SpindleError(
        'ERR_TOO_LARGE',
        `a message of ${byteLength} bytes is too large for a ring of ${capacityBytes}, which takes up to ${maxMessageBytes}`,
      )
    if (state === OPEN) return
    throw state === ABORTED
      ? ringAborted()
      : new SpindleError('ERR_RING_CLOSED', 'the ring was closed')
  }
}

function noRoom(timeoutMs: number): never {
  throw new TimeoutError(`the ring had no room within ${timeoutMs} ms`)
}
