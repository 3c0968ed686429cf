import { isMovable, markMovable } from '../transport/movable.ts'
import { uncleared } from '../transport/pack.ts'
import { transferBuffer } from './transfer-buffer.ts'

/** Maximum size of unused buffers, in bytes. Further ones are left to the garbage collector. */
const MOST_BYTES = 2 ** 26

/** Buffers for reuse, by size. Only keeps sizes that were requested before. */
export class BufferPool {
  readonly #mostBytes: number
  readonly #bySize: Map<number, ArrayBuffer[]> = new Map()
  #bytes = 0

  constructor(mostBytes: number = MOST_BYTES) {
    this.#mostBytes = mostBytes
  }

  /** Notes that buffers of this size will be requested. */
  expect(byteLength: number): void {
    if (!this.#bySize.has(byteLength)) this.#bySize.set(byteLength, [])
  }

  put(buffer: ArrayBuffer): void {
    const { byteLength } = buffer
    const buffers = this.#bySize.get(byteLength)
    if (buffers === undefined || this.#bytes + byteLength > this.#mostBytes) return
    this.#bytes += byteLength
    buffers.push(buffer)
  }

  take(byteLength: number): ArrayBuffer | undefined {
    const buffer = this.#bySize.get(byteLength)?.pop()
    if (buffer !== undefined) this.#bytes -= byteLength
    return buffer
  }
}

/**
 * The buffers of one worker. For each buffer that the worker takes, new or used, its pool owes it
 * one of the same size.
 */
export class WorkerBuffers {
  readonly #bufferPool: BufferPool = new BufferPool()
  #taken: number[] = []

  put(buffers: readonly ArrayBuffer[]): void {
    for (const buffer of buffers) this.#bufferPool.put(buffer)
  }

  /** A buffer of this size with undefined content. */
  take(byteLength: number): ArrayBuffer {
    this.#bufferPool.expect(byteLength)
    const at = this.#taken.length - 2
    if (this.#taken[at] === byteLength) (this.#taken[at + 1] as number)++
    else this.#taken.push(byteLength, 1)
    const buffer = this.#bufferPool.take(byteLength) ?? uncleared(byteLength)
    markMovable(buffer)
    return buffer
  }

  /**
   * Called after a result was sent as a copy. If the op has given the buffer up, its memory is
   * reused, and the op then sees an empty buffer, as it does after a transfer.
   */
  left(buffer: ArrayBuffer): void {
    if (isMovable(buffer)) this.#bufferPool.put(transferBuffer(buffer))
  }

  /** Sizes and the number of buffers taken of each since the last call. */
  takeTaken(): readonly number[] {
    if (this.#taken.length === 0) return none
    const taken = this.#taken
    this.#taken = []
    return taken
  }
}

const none: readonly number[] = []
