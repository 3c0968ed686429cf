import { bytesOf } from '../../base/dtypes.ts'
import type { AsyncPieces, SyncPieces } from './piece-window.ts'

/**
 * First piece, and the one after a jump: headers far apart are read without what lies between them.
 */
const SMALLEST = 4 * 1024
/**
 * Pieces grow to this while nothing is jumped over. Smaller ones cost more calls, larger ones leave
 * the processor's cache before they are copied.
 */
const LARGEST = 1024 * 1024
/**
 * Pieces that are not copied, and have new memory each: four times as large ones take a third less
 * time.
 */
const LARGEST_KEPT = 4 * LARGEST
/**
 * Pieces whose bytes are used where they are, and which another thread reads: fewer trips to it
 * count for more than the cache.
 */
const LARGEST_IN_PLACE = 2 * LARGEST
/** One call reads at most this much: the operating system's own limit is 2 GiB less a page. */
const MAX_READ = 1024 * 1024 * 1024

/**
 * Reads a range of a file into `bytes`, `length` bytes from `offset` on; gives how many there were.
 */
export type ReadAt<R> = (bytes: Uint8Array, offset: number, length: number, position: number) => R

/** What is done with pieces. */
export interface PieceUse {
  readonly isReused: boolean
  readonly isInPlace?: boolean
}

/**
 * The pieces of a regular file, the next one being read while one is used. Two buffers take turns.
 */
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
   * With `isReused` false a piece is never overwritten; with `isInPlace` its bytes are not copied
   * before it is.
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
        // A jump: what was read ahead is of no use.
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
    // Whoever takes the piece hears of it.
    got.catch(() => {})
    return { bytes, position, got }
  }
}

/** The pieces of a regular file. One buffer is used again and again. */
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

  /** With `isReused` false a piece is never overwritten. */
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

/** The pieces of what has to be gone through from beginning to end. */
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
