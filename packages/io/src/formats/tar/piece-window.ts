import {
  type AsyncWindow,
  type Request,
  type SyncWindow,
  type Window,
  wordsOf,
} from './tar-window.ts'

/** Where a window gets its pieces from. Each lies in the archive right after the one before. */
interface Pieces {
  /** Bytes in the archive, where that is known. */
  readonly length: number | undefined
  /** Goes on by so many bytes without giving them; missing where they have to be gone through. */
  skip?(bytes: number): void
  /** Whether the next piece is being read already. */
  readonly isReadAhead?: boolean
}

/** Pieces that come while others run. A piece may be overwritten once the next one is asked for. */
export interface AsyncPieces extends Pieces {
  /**
   * The next piece, or `undefined` at the end. With `readsOn`, the one after it will be wanted too.
   */
  next(readsOn: boolean): Promise<Buffer | undefined>
  /**
   * Fills `target` with what would come next, as far as there is that much; missing where that
   * gains nothing.
   */
  readInto?(target: Uint8Array): Promise<number>
  close(): Promise<void>
}

/** Pieces that are there when the call returns. */
export interface SyncPieces extends Pieces {
  next(): Buffer | undefined
  readInto?(target: Uint8Array): number
  close(): void
}

/**
 * From here on data is read straight to where it belongs: a system call costs less than a copy of
 * it.
 */
const WORTH_A_READ = 1024 * 1024

/**
 * A step of serving a request: the next piece is wanted, and more or no more after it; or memory is
 * to be filled.
 */
type Step = 'next' | 'last' | Uint8Array

/**
 * A window on an archive that comes in pieces, of which one is in memory. {@link steps} says what
 * to get, the classes below get it.
 */
class PieceWindow implements Window {
  readonly archive: string
  readonly length: number | undefined
  readonly isWhole = false
  bytes: Buffer = NO_BYTES
  words: Int32Array | undefined = undefined
  at = 0
  end = 0
  position = 0
  private readonly pieces: Pieces & { readonly readInto?: unknown }
  /** What follows `bytes`, where those were put together from two pieces. */
  private rest: Buffer = NO_BYTES

  constructor(archive: string, pieces: Pieces) {
    this.archive = archive
    this.pieces = pieces
    this.length = pieces.length
  }

  /**
   * What serving a request takes. Each `next()` of it is given the piece, or how many bytes were
   * filled in.
   */
  protected *steps(request: Request): Generator<Step, void, Buffer | number | undefined> {
    if (request.kind === 'fill') yield* this.fill(request.bytes)
    else if (request.kind === 'skip') yield* this.skip(request.bytes)
    else yield* this.read(request.target)
  }

  private *fill(wanted: number): Generator<Step, void, Buffer | number | undefined> {
    if (this.at === this.end && !(yield* this.load())) return
    if (this.end - this.at >= wanted) return
    // Only as much as is wanted is put together: putting whole pieces together would copy
    // everything once more.
    const joined = Buffer.allocUnsafeSlow(wanted)
    let filled = 0
    do {
      const taken = Math.min(wanted - filled, this.end - this.at)
      this.bytes.copy(joined, filled, this.at, this.at + taken)
      this.at += taken
      filled += taken
    } while (filled < wanted && (yield* this.load()))
    this.rest = this.bytes.subarray(this.at, this.end)
    this.show(joined, filled)
  }

  private *skip(wanted: number): Generator<Step, void, Buffer | number | undefined> {
    for (let left = wanted; left > 0; ) {
      const taken = Math.min(left, this.end - this.at)
      this.go(taken)
      left -= taken
      if (left === 0) return
      if (this.rest.length === 0 && this.pieces.skip !== undefined && this.length !== undefined) {
        const step = Math.min(left, this.length - this.position)
        this.pieces.skip(step)
        this.position += step
        return
      }
      if (!(yield* this.load())) return
    }
  }

  private *read(target: Uint8Array): Generator<Step, void, Buffer | number | undefined> {
    for (let filled = 0; filled < target.length; ) {
      const taken = Math.min(target.length - filled, this.end - this.at)
      if (taken > 0) target.set(this.bytes.subarray(this.at, this.at + taken), filled)
      this.go(taken)
      filled += taken
      const left = target.length - filled
      const isLarge =
        left >= WORTH_A_READ && this.rest.length === 0 && this.pieces.readInto !== undefined
      if (isLarge && this.pieces.isReadAhead !== true) {
        this.position += (yield target.subarray(filled)) as number
        return
      }
      if (left > 0 && !(yield* this.load(isLarge ? 'last' : 'next'))) return
    }
  }

  private go(bytes: number): void {
    this.at += bytes
    this.position += bytes
  }

  /** Goes on to the next piece. Only when the window is used up. */
  private *load(step: Step = 'next'): Generator<Step, boolean, Buffer | number | undefined> {
    let piece: Buffer | undefined = this.rest
    this.rest = NO_BYTES
    while (piece?.length === 0) piece = (yield step) as Buffer | undefined
    this.show(piece ?? NO_BYTES, piece?.length ?? 0)
    return piece !== undefined
  }

  private show(bytes: Buffer, length: number): void {
    this.bytes = bytes
    this.words = wordsOf(bytes)
    this.at = 0
    this.end = length
  }
}

/** A window whose pieces come while others run. */
export class AsyncPieceWindow extends PieceWindow implements AsyncWindow {
  private readonly source: AsyncPieces

  constructor(archive: string, source: AsyncPieces) {
    super(archive, source)
    this.source = source
  }

  async serve(request: Request): Promise<void> {
    const steps = this.steps(request)
    for (let step = steps.next(); step.done !== true; ) {
      const { value } = step
      const isPiece = typeof value === 'string'
      step = steps.next(
        await (isPiece ? this.source.next(value === 'next') : this.source.readInto?.(value)),
      )
    }
  }

  close(): Promise<void> {
    return this.source.close()
  }
}

/** A window whose pieces are waited for. */
export class SyncPieceWindow extends PieceWindow implements SyncWindow {
  private readonly source: SyncPieces

  constructor(archive: string, source: SyncPieces) {
    super(archive, source)
    this.source = source
  }

  serve(request: Request): void {
    const steps = this.steps(request)
    for (let step = steps.next(); step.done !== true; ) {
      const { value } = step
      step = steps.next(
        typeof value === 'string' ? this.source.next() : this.source.readInto?.(value),
      )
    }
  }

  close(): void {
    this.source.close()
  }
}

const NO_BYTES = Buffer.alloc(0)
