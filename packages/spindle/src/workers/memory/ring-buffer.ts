import { badOption } from '../../check.ts'
import { integer, number, options, type Rules } from '../../options/index.ts'
import { ABORTED, CLOSED, MAX_CAPACITY, OPEN, RingMemory } from './ring-memory.ts'
import { RingReader } from './ring-reader.ts'
import { RingWriter } from './ring-writer.ts'
import { MAX_SPIN_US, SpinPolicy, spinUsFor } from './spin-policy.ts'
import { checkWait, type HoldOptions, type WaitOptions } from './wait-options.ts'

/** Options of `RingBuffer`. */
export interface RingBufferOptions extends RingSideOptions {
  /**
   * Bytes for messages, an integer from 64 to 2^30; rounded up to a power of two. A message may
   * take nearly half of them.
   */
  readonly capacityBytes: number
}

/** Options of one side of a ring. */
export interface RingSideOptions {
  /**
   * How long a blocking read or write spins before it sleeps, in microseconds, 0 to 50. It adapts:
   * it becomes shorter, down to 0, where spinning fails. Use 0 if as many threads work as there are
   * cores. Default 50; 0 on a single core.
   */
  readonly spinUs?: number
}

const sideRules = {
  spinUs: number({ min: 0, max: MAX_SPIN_US, defaultOf: () => spinUsFor(1) }),
}

const ringOptions = options('RingBufferOptions', {
  capacityBytes: integer({ min: 64, max: MAX_CAPACITY, required: true }),
  ...sideRules,
} satisfies Rules<RingBufferOptions>)

const sideOptions = options('RingSideOptions', sideRules satisfies Rules<RingSideOptions>)

/** What another thread needs to use the ring: to be sent by `postMessage` or as `workerData`. */
export interface RingBufferHandle {
  readonly ring: SharedArrayBuffer
}

/**
 * Passes messages of bytes from one thread to another through shared memory: in order, exactly
 * once. One thread writes, one reads.
 *
 * Each operation has three forms. `try…` succeeds only if it is possible now. `…Sync` blocks the
 * thread until it is possible; this also works in the main thread, for a plain `for`. The third
 * form returns a promise, which keeps the process alive. Committed messages are always read, even
 * if the ring is closed or aborted afterwards.
 *
 *   OPEN --close(), by either side: no more is written; what is there is read, then it ends--> CLOSED
 *     '----abort(), by any thread: writing fails at once, reading after what is there--> ABORTED
 *
 * A thread that dies does not report it. Call `abort()` where its end is noticed
 * (`worker.on('exit')`). If no event loop is free to notice it, use `timeoutMs`. A thread that
 * replaces the dead one needs a new ring.
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { RingBuffer } from 'spindle'
 *
 * const ring = new RingBuffer({ capacityBytes: 1024 }) // ring.handle goes to a worker: RingBuffer.attach(handle)
 * ring.writeSync(new Uint8Array([1, 2, 3]))
 * ring.reserveSync(2).set([4, 5]) // in place, without a copy
 * ring.commit()
 * ring.close()
 * assert.deepEqual(await ring.read(), new Uint8Array([1, 2, 3]))
 * assert.deepEqual(await ring.read(), new Uint8Array([4, 5]))
 * assert.equal(await ring.read(), undefined)
 * ```
 */
export class RingBuffer implements Iterable<Uint8Array>, AsyncIterable<Uint8Array>, Disposable {
  readonly #ring: RingMemory
  readonly #writer: RingWriter
  readonly #reader: RingReader

  /** @throws `ERR_BAD_OPTION` for a wrong option. */
  constructor(options: RingBufferOptions | (RingBufferHandle & RingSideOptions)) {
    const { memory, spinUs } = settingsOf(options)
    this.#ring = memory
    this.#writer = new RingWriter(this.#ring, new SpinPolicy(spinUs))
    this.#reader = new RingReader(this.#ring, new SpinPolicy(spinUs))
  }

  /**
   * Attaches to a ring that another thread has made.
   *
   * @throws `ERR_BAD_OPTION`
   */
  static attach(handle: RingBufferHandle, options: RingSideOptions = {}): RingBuffer {
    if (!(handle?.ring instanceof SharedArrayBuffer))
      badOption('handle', 'the `handle` of a RingBuffer', handle)
    return new RingBuffer({ ...options, ring: handle.ring })
  }

  /** The handle for another thread. */
  get handle(): RingBufferHandle {
    return { ring: this.#ring.buffer }
  }

  /**
   * Capacity for messages in bytes. Each message takes 8 bytes more than its own, rounded up to a
   * multiple of 8.
   */
  get capacityBytes(): number {
    return this.#ring.capacityBytes
  }

  /** Maximum length of a message in bytes: half of the ring, minus 8. */
  get maxMessageBytes(): number {
    return this.#ring.maxMessageBytes
  }

  /** Number of bytes in use. */
  get usedBytes(): number {
    return (this.#ring.head - this.#ring.tail) >>> 0
  }

  /** Whether the ring was closed or aborted, so that nothing more is written. */
  get isClosed(): boolean {
    return this.#ring.state !== OPEN
  }

  /** Number of waits of either side that no notification ended in time. 0 unless there is a bug. */
  get lostWakeups(): number {
    return this.#ring.forMessage.lostWakeups + this.#ring.forRoom.lostWakeups
  }

  /**
   * Writes a message if there is room for it now. Returns whether it was written.
   *
   * @throws `ERR_TOO_LARGE` for more than `maxMessageBytes`; `ERR_RING_CLOSED`, `ERR_RING_ABORTED`;
   *   `ERR_BAD_STATE` if another thread writes.
   */
  tryWrite(message: Uint8Array): boolean {
    return this.#writer.tryWrite(message)
  }

  /**
   * Writes a message and blocks the thread until there is room.
   *
   * @throws As `tryWrite`; `ERR_TIMEOUT`, and then nothing is written.
   */
  writeSync(message: Uint8Array, options?: HoldOptions): void {
    this.#writer.untilRoomSync(() => this.tryWrite(message) || undefined, checkWait(options))
  }

  /**
   * Writes a message when there is room. Its bytes must not change before that.
   *
   * @throws As `writeSync`; `ERR_BAD_STATE` while an earlier write waits.
   */
  async write(message: Uint8Array, options?: WaitOptions): Promise<void> {
    await this.#writer.untilRoom(() => this.tryWrite(message) || undefined, checkWait(options))
  }

  /**
   * Room for a message that is made in place: uninitialised, `byteOffset` a multiple of 8.
   * `commit()` sends it. Another reservation without `commit()` discards it.
   *
   * @throws As `tryWrite`.
   */
  tryReserve(byteLength: number): Uint8Array | undefined {
    return this.#writer.tryReserve(byteLength)
  }

  /**
   * As `tryReserve`; blocks the thread until there is room.
   *
   * @throws As `writeSync`.
   */
  reserveSync(byteLength: number, options?: HoldOptions): Uint8Array {
    return this.#writer.untilRoomSync(() => this.tryReserve(byteLength), checkWait(options))
  }

  /**
   * As `tryReserve`, when there is room.
   *
   * @throws As `write`.
   */
  reserve(byteLength: number, options?: WaitOptions): Promise<Uint8Array> {
    return this.#writer.untilRoom(() => this.tryReserve(byteLength), checkWait(options))
  }

  /**
   * Sends the reserved room, or its first `byteLength` bytes, as a message.
   *
   * @throws `ERR_BAD_STATE` if nothing is reserved; `ERR_BAD_OPTION` for more bytes than are
   *   reserved.
   */
  commit(byteLength?: number): void {
    this.#writer.commit(byteLength)
  }

  /**
   * The next message, copied. `undefined` if there is none now; if `isClosed` was true before the
   * call, there will be none.
   *
   * @throws `ERR_RING_ABORTED` after the last message of an aborted ring; `ERR_BAD_STATE` if
   *   another thread reads.
   */
  tryRead(): Uint8Array | undefined {
    return this.#reader.tryRead()
  }

  /**
   * The next message; blocks the thread until there is one. `undefined` at the end.
   *
   * @throws As `tryRead`; `ERR_TIMEOUT`, and nothing is lost.
   */
  readSync(options?: HoldOptions): Uint8Array | undefined {
    return this.#reader.untilMessageSync(() => this.tryRead(), checkWait(options))
  }

  /**
   * The next message when there is one; `undefined` at the end.
   *
   * @throws As `readSync`.
   */
  read(options?: WaitOptions): Promise<Uint8Array | undefined> {
    return this.#reader.untilMessage(() => this.tryRead(), checkWait(options))
  }

  /**
   * The next message in place, without a copy. It is valid until `release()`, and until then each
   * call returns the same message.
   *
   * @throws As `tryRead`.
   */
  tryPeek(): Uint8Array | undefined {
    return this.#reader.tryPeek()
  }

  /**
   * As `tryPeek`; blocks the thread until there is a message. `undefined` at the end.
   *
   * @throws As `readSync`.
   */
  peekSync(options?: HoldOptions): Uint8Array | undefined {
    return this.#reader.untilMessageSync(() => this.tryPeek(), checkWait(options))
  }

  /**
   * As `tryPeek`, when there is a message; `undefined` at the end.
   *
   * @throws As `readSync`.
   */
  peek(options?: WaitOptions): Promise<Uint8Array | undefined> {
    return this.#reader.untilMessage(() => this.tryPeek(), checkWait(options))
  }

  /**
   * Frees the room of the message that was peeked at.
   *
   * @throws `ERR_BAD_STATE` if there is none.
   */
  release(): void {
    this.#reader.release()
  }

  /** All messages up to the end. Blocks the thread while there is none. */
  *[Symbol.iterator](): Generator<Uint8Array, void, void> {
    for (let message = this.readSync(); message !== undefined; message = this.readSync())
      yield message
  }

  /** All messages up to the end. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    for (let message = await this.read(); message !== undefined; message = await this.read())
      yield message
  }

  /** Ends the ring: nothing more is written. Has no effect on a ring that has ended. */
  close(): void {
    this.#ring.end(CLOSED)
  }

  /**
   * Aborts the ring: one of the two threads has ended or gives up. Has no effect on a ring that has
   * ended.
   */
  abort(): void {
    this.#ring.end(ABORTED)
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

function settingsOf(options: RingBufferOptions | (RingBufferHandle & RingSideOptions)): {
  readonly memory: RingMemory
  readonly spinUs: number
} {
  if (typeof options === 'object' && options !== null && 'ring' in options) {
    const { ring, ...side } = options
    return { memory: new RingMemory(ring), ...sideOptions.check(side) }
  }
  const { capacityBytes, spinUs } = ringOptions.check(options)
  return { memory: RingMemory.make(capacityBytes), spinUs }
}
