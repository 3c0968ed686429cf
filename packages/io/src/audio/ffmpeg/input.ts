import { isMainThread } from 'node:worker_threads'
import type { IOContext } from 'node-av/lib'
import type { SyncReader } from '../../file/routine.ts'
import type { FFmpeg } from '../../image/ffmpeg/library.ts'

/** What FFmpeg asks for at a time, at least. */
const BLOCK_BYTES = 1 << 15

/** Behind the end of any file. */
const FAR = 1n << 50n

/** How long an input is kept that is not in use: until then it keeps a thread from ending by itself. */
const IDLE_MS = isMainThread ? 500 : 5000

/** Those of this thread that are not in use. */
const idle: Input[] = []
let idleTimer: NodeJS.Timeout | undefined

/**
 * FFmpeg's reads and seeks, answered by a reader. What it throws is kept, for no exception passes through FFmpeg.
 *
 * They are used again for file after file, and kept for a while: `freeContext` of node-av 6.1 does not free the buffer, and what is not
 * freed keeps the thread alive.
 */
export class Input {
  readonly io: IOContext
  readonly #ffmpeg: FFmpeg
  #reader: SyncReader | undefined
  #at = 0
  #fault: unknown

  /** An input at the beginning of what a reader reads. */
  static open(ffmpeg: FFmpeg, reader: SyncReader): Input {
    const input = idle.pop() ?? new Input(ffmpeg)
    input.#reader = reader
    // Far away and back, so that nothing of the file before is left in the buffer.
    input.io.seekSync(FAR, ffmpeg.constants.AVSEEK_SET)
    input.io.seekSync(0n, ffmpeg.constants.AVSEEK_SET)
    return input
  }

  private constructor(ffmpeg: FFmpeg) {
    this.#ffmpeg = ffmpeg
    this.io = new ffmpeg.av.IOContext()
    this.io.allocContextWithCallbacks(
      BLOCK_BYTES,
      0,
      (size) => this.#read(size),
      null,
      (offset, whence) => this.#seek(offset, whence),
    )
  }

  /** Throws what the reader threw. */
  throwFault(): void {
    if (this.#fault !== undefined) throw this.#fault
  }

  /** Lets go of the reader. No container may use the input any more. */
  release(): void {
    this.#reader = undefined
    // What failed once remembers it.
    if (this.#fault !== undefined || this.io.error < 0) this.io.freeContext()
    else {
      idle.push(this)
      idleTimer = idleTimer?.refresh() ?? setTimeout(freeIdle, IDLE_MS).unref()
    }
  }

  #read(size: number): Buffer | number {
    const { constants: c } = this.#ffmpeg
    const reader = this.#reader
    const length = reader === undefined ? 0 : Math.min(size, reader.size - this.#at)
    if (reader === undefined || length <= 0) return c.AVERROR_EOF
    try {
      const { buffer, byteOffset } = reader.read(this.#at, length)
      this.#at += length
      // Native code takes no shared memory.
      if (buffer instanceof SharedArrayBuffer) return Buffer.from(new Uint8Array(buffer, byteOffset, length))
      return Buffer.from(buffer, byteOffset, length)
    } catch (error) {
      this.#fault = error
      return c.AVERROR_EIO
    }
  }

  #seek(offset: bigint, whence: number): bigint {
    const { constants: c } = this.#ffmpeg
    const size = this.#reader?.size ?? 0
    if ((whence & c.AVSEEK_SIZE) !== 0) return BigInt(size)
    const at = ([0, this.#at, size][whence & 3] ?? 0) + Number(offset)
    if (!(at >= 0)) return BigInt(c.AVERROR_EINVAL)
    this.#at = at
    return BigInt(at)
  }
}

function freeIdle(): void {
  idleTimer = undefined
  for (const input of idle.splice(0)) input.io.freeContext()
}
