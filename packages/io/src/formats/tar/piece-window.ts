import {
  type AsyncWindow,
  type Request,
  type SyncWindow,
  type Window,
  wordsOf,
} from './tar-window.ts'

/** The source of a window's pieces. Each piece directly follows the one before. */
interface Pieces {
  /** Size of the archive, if it is known. */
  readonly length: number | undefined
  /** Skips bytes without reading them; missing if they must be read. */
  skip?(bytes: number): void
  /** Whether the next piece is being read already. */
  readonly isReadAhead?: boolean
}

/**
 * Pieces that are read asynchronously. A piece may be overwritten once the next one is requested.
 */
export interface AsyncPieces extends Pieces {
  /**
   * The next piece, or `undefined` at the end. `readsOn` says that the piece after it will be
   * needed too.
   */
  next(readsOn: boolean): Promise<Buffer | undefined>
  /**
   * Fills `target` with the next bytes, as far as there are that many; missing if that saves
   * nothing.
   */
  readInto?(target: Uint8Array): Promise<number>
  close(): Promise<void>
}

/** Pieces that are read synchronously. */
export interface SyncPieces extends Pieces {
  next(): Buffer | undefined
  readInto?(target: Uint8Array): number
  close(): void
}

/**
 * From this size on, data are read straight to their place: a system call costs less than a copy.
 */
const WORTH_A_READ = 1024 * 1024

/**
 * A step that serves a request: the next piece, with or without more after it, or memory to fill.
 */
type Step = 'next' | 'last' | Uint8Array

/**
 * A window on an archive that is read piece by piece, with one piece in memory. {@link steps} says
 * what to read; the subclasses read it.
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
  /** The bytes after `bytes`, if `bytes` was joined from two pieces. */
  private rest: Buffer = NO_BYTES

  constructor(archive: string, pieces: Pieces) {
    this.archive = archive
    this.pieces = pieces
    this.length = pieces.length
  }

  /** The steps that serve a request. `next()` takes the piece, or the number of bytes filled in. */
  protected *steps(request: Request): Generator<Step, void, Buffer | number | undefined> {
    if (request.kind === 'fill') yield* this.fill(request.bytes)
    else if (request.kind === 'skip') yield* this.skip(request.bytes)
    else yield* this.read(request.target)
  }

  private *fill(wanted: number): Generator<Step, void, Buffer | number | undefined> {
    if (this.at === this.end && !(yield* this.load())) return
    if (this.end - this.at >= wanted) return
    // Joins only the requested bytes: joining whole pieces would copy everything once more.
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

  /** Advances to the next piece. Called only when the window is used up. */
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

/** A window with asynchronous reads. */
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

/** A window with synchronous reads. */
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
