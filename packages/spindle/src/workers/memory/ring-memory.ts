import { threadId } from 'node:worker_threads'
import { SpindleError } from '../../errors.ts'
import { BELL_WORDS, EventCount } from './event-count.ts'

// The shared memory of a ring: words, and then the bytes. Writer and reader each have their own
// cache lines.
//
//   word 0 state, 1 thread that writes, 2 thread that reads
//   word 16 head: where the next message will begin       (the writer's; modulo 2^32)
//   word 32 tail: where the oldest message begins         (the reader's; modulo 2^32)
//   word 48 event count of the reader, 52 event count of the writer
//   word 64 the bytes, a power of two of them
//
// A message is a word with its length, an unused word, its bytes, and padding to a multiple of 8. A
// message never wraps around the end: a rest that is too short is skipped. So a message of up to
// half the ring fits at the latest when the ring is empty.

const STATE = 0
export const WRITER = 1
export const READER = 2
const HEAD = 16
const TAIL = 32
const READER_BELL = 48
const WRITER_BELL = READER_BELL + BELL_WORDS + 1
const WORDS = 64

export const OPEN = 0
/** No more messages come; those in the ring are read. */
export const CLOSED = 1
/** A thread has ended or given up. */
export const ABORTED = 2

const HEADER_BYTES = 8
/** In the place of a length: the rest up to the end is skipped. */
export const SKIPPED = -1

/** Positions are 32-bit integers. Their difference is right even after they have wrapped around. */
export const MAX_CAPACITY: number = 2 ** 30

/** Number of bytes of the ring that a message takes. */
export function recordBytes(byteLength: number): number {
  return HEADER_BYTES + ((byteLength + 7) & ~7)
}

/** The shared part of a ring, as writer and reader see it. */
export class RingMemory {
  readonly buffer: SharedArrayBuffer
  readonly capacityBytes: number
  readonly maxMessageBytes: number
  /** The event counts on which the reader waits for a message, and the writer for room. */
  readonly forMessage: EventCount
  readonly forRoom: EventCount
  readonly #words: Int32Array
  readonly #bytes: Uint8Array

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer
    this.#words = new Int32Array(buffer)
    this.#bytes = new Uint8Array(buffer, WORDS * 4)
    this.capacityBytes = this.#bytes.length
    this.maxMessageBytes = this.capacityBytes / 2 - HEADER_BYTES
    this.forMessage = new EventCount(this.#words, READER_BELL)
    this.forRoom = new EventCount(this.#words, WRITER_BELL)
  }

  static make(capacityBytes: number): RingMemory {
    return new RingMemory(
      new SharedArrayBuffer(WORDS * 4 + 2 ** Math.ceil(Math.log2(capacityBytes))),
    )
  }

  get state(): number {
    return Atomics.load(this.#words, STATE)
  }

  get head(): number {
    return Atomics.load(this.#words, HEAD)
  }

  set head(position: number) {
    Atomics.store(this.#words, HEAD, position)
    this.forMessage.ring()
  }

  get tail(): number {
    return Atomics.load(this.#words, TAIL)
  }

  set tail(position: number) {
    Atomics.store(this.#words, TAIL, position)
    this.forRoom.ring()
  }

  /** Number of bytes from a position to the end of the memory. */
  bytesToEnd(position: number): number {
    return this.capacityBytes - (position & (this.capacityBytes - 1))
  }

  lengthAt(position: number): number {
    return this.#words[WORDS + ((position & (this.capacityBytes - 1)) >> 2)] as number
  }

  setLength(position: number, byteLength: number): void {
    this.#words[WORDS + ((position & (this.capacityBytes - 1)) >> 2)] = byteLength
  }

  payload(position: number, byteLength: number): Uint8Array {
    const at = (position & (this.capacityBytes - 1)) + HEADER_BYTES
    return this.#bytes.subarray(at, at + byteLength)
  }

  end(state: number): void {
    Atomics.compareExchange(this.#words, STATE, OPEN, state)
    this.forMessage.ring()
    this.forRoom.ring()
  }

  /** The first thread that writes (or reads) becomes the only one that may. */
  claim(role: number): void {
    const own = threadId + 1
    const holder = Atomics.compareExchange(this.#words, role, 0, own)
    if (holder === 0 || holder === own) return
    const what = role === WRITER ? 'writes to' : 'reads from'
    throw new SpindleError(
      'ERR_BAD_STATE',
      `thread ${holder - 1} ${what} this ring, thread ${threadId} must not`,
    )
  }
}

export function ringAborted(): SpindleError {
  return new SpindleError(
    'ERR_RING_ABORTED',
    'the ring was aborted, because its other side ended or failed',
  )
}
