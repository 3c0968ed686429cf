/**
 * The part of an archive that lies in memory: `bytes` from `at` to `end`, of which the first stands
 * at `position` of the archive. Who reads moves `at` and `position` on, and asks for more by a
 * {@link Request}.
 */
export interface Window {
  /** What messages call the archive. */
  readonly archive: string
  readonly bytes: Buffer
  /** The same memory as 32-bit words, where it begins at a word. */
  readonly words: Int32Array | undefined
  at: number
  readonly end: number
  position: number
  /** Bytes in the archive, where that is known before its end is reached. */
  readonly length: number | undefined
  /** Whether `bytes` is the whole archive, and stays: then members are views of it. */
  readonly isWhole: boolean
}

/** A window that more can be read into, while others run. */
export interface AsyncWindow extends Window {
  serve(request: Request): Promise<void>
  close(): Promise<void>
}

/** A window that more can be read into, while nothing else runs. */
export interface SyncWindow extends Window {
  serve(request: Request): void
  close(): void
}

/**
 * What a reader wants of its window. One object is used again and again. At the end of the archive
 * less is done than was asked for; the window shows how much.
 */
export class Request {
  /**
   * - `'fill'`: have at least `bytes` bytes between `at` and `end`
   * - `'skip'`: go `bytes` on
   * - `'read'`: put what follows into `target`, and go on by as much
   */
  kind: 'fill' | 'skip' | 'read' = 'fill'
  bytes = 0
  target: Uint8Array = NO_BYTES

  fill(bytes: number): this {
    this.kind = 'fill'
    this.bytes = bytes
    return this
  }

  skip(bytes: number): this {
    this.kind = 'skip'
    this.bytes = bytes
    return this
  }

  read(target: Uint8Array): this {
    this.kind = 'read'
    this.target = target
    return this
  }
}

const NO_BYTES = new Uint8Array(0)

/** An archive that lies in memory as a whole. */
export class MemoryWindow implements AsyncWindow, SyncWindow {
  readonly archive: string
  readonly bytes: Buffer
  readonly words: Int32Array | undefined
  at = 0
  readonly end: number
  position = 0
  readonly length: number
  readonly isWhole = true

  constructor(archive: string, bytes: Buffer) {
    this.archive = archive
    this.bytes = bytes
    this.words = wordsOf(bytes)
    this.end = bytes.length
    this.length = bytes.length
  }

  /** There is no more than what is there. */
  serve(): Promise<void> {
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

/** Memory as 32-bit words, or `undefined` where it does not begin at a word. */
export function wordsOf(bytes: Buffer): Int32Array | undefined {
  return bytes.byteOffset % 4 === 0
    ? new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2)
    : undefined
}
