import { badOption } from '../check.ts'

/** Text (written as UTF-8) or bytes. */
export type FileData = string | Uint8Array

/** Data is gathered up to this many bytes before it is written. */
const GATHER_BYTES = 1 << 16

/** Gathers small pieces of data for a file into larger ones. */
export class Gathered {
  #chunks: Uint8Array[] = []
  #bytes = 0

  /** Whether there is enough data for one call of the file system. */
  get isEnough(): boolean {
    return this.#bytes >= GATHER_BYTES
  }

  add(data: FileData): void {
    checkData(data)
    const bytes = bytesOf(data)
    if (bytes.byteLength === 0) return
    // Small data is copied, because its memory may be reused before it is written.
    const isSafe = typeof data === 'string' || bytes.byteLength >= GATHER_BYTES
    this.#chunks.push(isSafe ? bytes : Uint8Array.from(bytes))
    this.#bytes += bytes.byteLength
  }

  /** Takes all gathered data. */
  take(): Uint8Array[] {
    const chunks = this.#chunks
    this.#chunks = []
    this.#bytes = 0
    return chunks
  }
}

export function bytesOf(data: FileData): Uint8Array {
  return typeof data === 'string' ? Buffer.from(data) : data
}

export function checkData(data: unknown): asserts data is FileData {
  if (typeof data !== 'string' && !(data instanceof Uint8Array))
    badOption('data', 'a string or a Uint8Array', data)
}
