import { isMovable, markMovable } from '../transport/move.ts'
import { moved } from './moved.ts'

/** Bytes of unused buffers that are kept; what comes beyond is left to the garbage collector. */
const MOST_BYTES = 2 ** 27

/** Buffers that wait to be used again, by their sizes: only of sizes that have been asked for. */
export class BufferPool {
  readonly #bySize: Map<number, ArrayBuffer[]> = new Map()
  #bytes = 0

  /** Buffers of that size will be asked for. */
  expect(byteLength: number): void {
    if (!this.#bySize.has(byteLength)) this.#bySize.set(byteLength, [])
  }

  put(buffer: ArrayBuffer): void {
    const { byteLength } = buffer
    const buffers = this.#bySize.get(byteLength)
    if (buffers === undefined || this.#bytes + byteLength > MOST_BYTES) return
    this.#bytes += byteLength
    buffers.push(buffer)
  }

  take(byteLength: number): ArrayBuffer | undefined {
    const buffer = this.#bySize.get(byteLength)?.pop()
    if (buffer !== undefined) this.#bytes -= byteLength
    return buffer
  }
}

/** A worker's own stock. Whatever it takes, new or used, its pool owes it one of the same size. */
export class WorkerBuffers {
  readonly #stock: BufferPool = new BufferPool()
  #taken: number[] = []

  put(buffers: readonly ArrayBuffer[]): void {
    for (const buffer of buffers) this.#stock.put(buffer)
  }

  /** A buffer of that size, with whatever is in it. */
  take(byteLength: number): ArrayBuffer {
    this.#stock.expect(byteLength)
    const at = this.#taken.length - 2
    if (this.#taken[at] === byteLength) (this.#taken[at + 1] as number)++
    else this.#taken.push(byteLength, 1)
    const buffer = this.#stock.take(byteLength) ?? new ArrayBuffer(byteLength)
    markMovable(buffer)
    return buffer
  }

  /**
   * A result has left as a copy: its memory can be used again, if the op has given it up. It is
   * empty then for the op, as it is in a thread.
   */
  left(buffer: ArrayBuffer): void {
    if (isMovable(buffer)) this.#stock.put(moved(buffer))
  }

  /** Sizes and how many were taken of each since this was last asked for. */
  takeTaken(): readonly number[] {
    if (this.#taken.length === 0) return none
    const taken = this.#taken
    this.#taken = []
    return taken
  }
}

const none: readonly number[] = []
