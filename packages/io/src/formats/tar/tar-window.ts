/**
 * The part of an archive that is in memory: `bytes` from `at` to `end`. The byte at `at` is at
 * `position` in the archive. The reader advances `at` and `position`, and asks for more with a
 * {@link Request}.
 */
export interface Window {
  /** The name of the archive in messages. */
  readonly archive: string
  readonly bytes: Buffer
  /** The same memory as 32-bit words; `undefined` if it is not aligned. */
  readonly words: Int32Array | undefined
  at: number
  readonly end: number
  position: number
  /** Size of the archive, if it is known before its end. */
  readonly length: number | undefined
  /** Whether `bytes` is the whole archive and stays valid: then members are views of it. */
  readonly isWhole: boolean
}

/** A window with asynchronous reads. */
export interface AsyncWindow extends Window {
  serve(request: Request): Promise<void>
  close(): Promise<void>
}

/** A window with synchronous reads. */
export interface SyncWindow extends Window {
  serve(request: Request): void
  close(): void
}

/**
 * A reader's request to its window. One object is reused. At the end of the archive less is done
 * than requested; the window shows how much.
 */
export class Request {
  /**
   * - `'fill'`: have at least `bytes` bytes between `at` and `end`
   * - `'skip'`: advance by `bytes`
   * - `'read'`: copy the next bytes into `target`, and advance by as many
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

/** An archive that is in memory as a whole. */
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

  /** Everything is already in memory. */
  serve(): Promise<void> {
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

/** Memory as 32-bit words, or `undefined` if it is not aligned. */
export function wordsOf(bytes: Buffer): Int32Array | undefined {
  return bytes.byteOffset % 4 === 0
    ? new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2)
    : undefined
}
