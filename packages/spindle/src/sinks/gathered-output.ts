import { createHash, type Hash } from 'node:crypto'
import type { ObjectWriter } from '../source/store/object-store.ts'
import type { ShardOutput } from './shard-format.ts'

/** Bytes that are gathered for one write. */
const GATHERED = 1 << 20
/** Pieces from this size on are written from where they are. */
const LARGE = 1 << 17

/** Gathers the bytes of a shard, and writes them in large pieces. */
export class GatheredOutput implements ShardOutput {
  readonly #writer: ObjectWriter
  readonly #hash: Hash | undefined
  /** The pieces to write, in order. The last one may be a part of {@link #buffer}. */
  #pieces: Uint8Array[] = []
  #waiting = 0
  #buffer: Buffer = EMPTY
  #used = 0
  #begun = 0
  /** Bytes of the shard so far. */
  size = 0

  constructor(writer: ObjectWriter, digest: string | false) {
    this.#writer = writer
    this.#hash = digest === false ? undefined : createHash(digest)
  }

  push(bytes: Uint8Array): void {
    const length = bytes.byteLength
    this.size += length
    this.#waiting += length
    if (length >= LARGE) {
      this.#cut()
      this.#pieces.push(bytes)
      return
    }
    if (this.#buffer.length - this.#used < length) {
      this.#cut()
      this.#buffer = Buffer.allocUnsafeSlow(GATHERED + LARGE)
      this.#used = 0
      this.#begun = 0
    }
    this.#buffer.set(bytes, this.#used)
    this.#used += length
  }

  /** Whether enough is gathered for a write, or a large piece waits. */
  get isFull(): boolean {
    return this.#waiting >= GATHERED || this.#pieces.length > 0
  }

  /** Writes what was gathered. */
  async flush(): Promise<void> {
    this.#cut()
    const pieces = this.#pieces
    this.#pieces = []
    this.#waiting = 0
    for (const piece of pieces) {
      const written = this.#writer.write(piece)
      // While the bytes are on their way.
      this.#hash?.update(piece)
      await written
    }
  }

  /** Ends the gathering. @returns the digest, in hexadecimal */
  digest(): string | undefined {
    return this.#hash?.digest('hex')
  }

  #cut(): void {
    if (this.#used === this.#begun) return
    this.#pieces.push(this.#buffer.subarray(this.#begun, this.#used))
    this.#begun = this.#used
  }
}

const EMPTY = Buffer.alloc(0)
