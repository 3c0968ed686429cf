import { bytesOf } from '../../base/dtypes.ts'
import type { AsyncPieces, SyncPieces } from './piece-window.ts'

/**
 * Size of the first piece and of the one after a jump: if headers are far apart, the data between
 * them are not read.
 */
const SMALLEST = 4 * 1024
/**
 * Pieces grow to this size while nothing is skipped. Smaller pieces cost more calls; larger ones
 * leave the CPU cache before they are copied.
 */
const LARGEST = 1024 * 1024
/**
 * Size of pieces that are not copied and have new memory each: four times the size takes a third
 * less time.
 */
const LARGEST_KEPT = 4 * LARGEST
/**
 * Size of pieces that are used in place and read by another thread: fewer trips to it matter more
 * than the cache.
 */
const LARGEST_IN_PLACE = 2 * LARGEST
/** Largest read of one call; the operating system's own limit is 2 GiB less a page. */
const MAX_READ = 1024 * 1024 * 1024

/** Reads `length` bytes of a file into `bytes` from `offset` on; returns how many there were. */
export type ReadAt<R> = (bytes: Uint8Array, offset: number, length: number, position: number) => R

/** How pieces are used. */
export interface PieceUse {
  readonly isReused: boolean
  readonly isInPlace?: boolean
}

/** The pieces of a regular file. One piece is read ahead, into the other of two buffers. */
export class AsyncFilePieces implements AsyncPieces {
  readonly length: number
  private readonly readAt: ReadAt<Promise<number>>
  private readonly closeFile: () => Promise<void>
  private readonly isReused: boolean
  private readonly largest: number
  private position = 0
  private size = SMALLEST
  private spare: Buffer = NO_BYTES
  private current: Buffer = NO_BYTES
  private ahead:
    | { readonly bytes: Buffer; readonly position: number; readonly got: Promise<number> }
    | undefined

  /**
   * If `isReused` is false, a piece is never overwritten. If `isInPlace` is true, its bytes are not
   * copied before they are overwritten.
   */
  constructor(
    length: number,
    { isReused, isInPlace = false }: PieceUse,
    readAt: ReadAt<Promise<number>>,
    closeFile: () => Promise<void>,
  ) {
    this.length = length
    this.isReused = isReused
    this.largest = isInPlace ? LARGEST_IN_PLACE : isReused ? LARGEST : LARGEST_KEPT
    this.readAt = readAt
    this.closeFile = closeFile
  }

  get isReadAhead(): boolean {
    return this.ahead !== undefined
  }

  async next(readsOn: boolean): Promise<Buffer | undefined> {
    for (;;) {
      const { bytes, position, got } = this.ahead ?? this.begin()
      this.ahead = undefined
      const length = await got
      if (this.isReused) {
        this.spare = this.current
        this.current = bytes
      }
      if (length === 0) return undefined
      const passed = this.position - position
      if (passed >= length) {
        // After a jump, the piece that was read ahead is useless.
        this.size = SMALLEST
        continue
      }
      this.position = position + length
      if (readsOn && this.size === this.largest && this.position < this.length)
        this.ahead = this.begin()
      this.size = Math.min(this.size * 4, this.largest)
      return bytes.subarray(passed, length)
    }
  }

  skip(bytes: number): void {
    this.position += bytes
    if (bytes > this.largest / 4 && this.ahead === undefined) this.size = SMALLEST
  }

  async readInto(target: Uint8Array): Promise<number> {
    let filled = 0
    while (filled < target.length) {
      const length = Math.min(target.length - filled, MAX_READ)
      const got = await this.readAt(target, filled, length, this.position)
      if (got === 0) break
      filled += got
      this.position += got
    }
    return filled
  }

  async close(): Promise<void> {
    await this.ahead?.got.catch(() => {})
    await this.closeFile()
  }

  private begin(): NonNullable<AsyncFilePieces['ahead']> {
    const bytes = this.spare.length >= this.size ? this.spare : Buffer.allocUnsafeSlow(this.size)
    const { position } = this
    const got = this.readAt(bytes, 0, this.size, position)
    // The error reaches the code that takes the piece.
    got.catch(() => {})
    return { bytes, position, got }
  }
}

/** The pieces of a regular file, read into one buffer. */
export class SyncFilePieces implements SyncPieces {
  readonly length: number
  readonly isReadAhead = false
  readonly close: () => void
  private readonly readAt: ReadAt<number>
  private readonly isReused: boolean
  private readonly largest: number
  private position = 0
  private size = SMALLEST
  private buffer: Buffer = NO_BYTES

  /** If `isReused` is false, a piece is never overwritten. */
  constructor(length: number, isReused: boolean, readAt: ReadAt<number>, closeFile: () => void) {
    this.length = length
    this.isReused = isReused
    this.largest = isReused ? LARGEST : LARGEST_KEPT
    this.readAt = readAt
    this.close = closeFile
  }

  next(): Buffer | undefined {
    if (!this.isReused || this.buffer.length < this.size)
      this.buffer = Buffer.allocUnsafeSlow(this.size)
    const length = this.readAt(this.buffer, 0, this.size, this.position)
    this.position += length
    this.size = Math.min(this.size * 4, this.largest)
    return length === 0 ? undefined : this.buffer.subarray(0, length)
  }

  skip(bytes: number): void {
    this.position += bytes
    if (bytes > this.largest / 4) this.size = SMALLEST
  }

  readInto(target: Uint8Array): number {
    let filled = 0
    while (filled < target.length) {
      const length = Math.min(target.length - filled, MAX_READ)
      const got = this.readAt(target, filled, length, this.position)
      if (got === 0) break
      filled += got
      this.position += got
    }
    return filled
  }
}

const NO_BYTES = Buffer.alloc(0)

/** The pieces of a source that must be read from beginning to end. */
export class StreamPieces implements AsyncPieces {
  readonly length: undefined
  private readonly pieces: AsyncGenerator<Uint8Array, void, void>

  constructor(pieces: AsyncGenerator<Uint8Array, void, void>) {
    this.pieces = pieces
  }

  async next(): Promise<Buffer | undefined> {
    const step = await this.pieces.next()
    return step.done === true ? undefined : bytesOf(step.value)
  }

  async close(): Promise<void> {
    await this.pieces.return()
  }
}
