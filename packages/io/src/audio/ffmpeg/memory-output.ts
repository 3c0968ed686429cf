import type { IOContext } from 'node-av/lib'
import type { FFmpeg } from '../../image/ffmpeg/library.ts'

const BLOCK_BYTES = 1 << 16

/** A file in memory that FFmpeg writes: muxers go back to fill in what they know only at the end. */
export class MemoryOutput {
  readonly io: IOContext
  #bytes = Buffer.allocUnsafeSlow(BLOCK_BYTES)
  #at = 0
  #size = 0

  constructor({ av, constants: c }: FFmpeg) {
    this.io = new av.IOContext()
    this.io.allocContextWithCallbacks(
      BLOCK_BYTES,
      1,
      null,
      (chunk) => this.#write(chunk),
      (offset, whence) => {
        if ((whence & c.AVSEEK_SIZE) !== 0) return BigInt(this.#size)
        this.#at = ([0, this.#at, this.#size][whence & 3] ?? 0) + Number(offset)
        return BigInt(this.#at)
      },
    )
  }

  /** What was written, in memory of its own. */
  take(): Uint8Array {
    return Uint8Array.from(this.#bytes.subarray(0, this.#size))
  }

  #write(chunk: Buffer): number {
    const end = this.#at + chunk.length
    if (end > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(end, this.#bytes.length * 2))
      this.#bytes.copy(larger, 0, 0, this.#size)
      this.#bytes = larger
    }
    chunk.copy(this.#bytes, this.#at)
    this.#at = end
    this.#size = Math.max(this.#size, end)
    return chunk.length
  }
}
