import type { OpenReader } from './reader.ts'

/**
 * Largest read-ahead, in bytes, for adjacent ranges; after a jump it grows again from a small size.
 */
const MOST_AHEAD = 256 * 1024
const LEAST_AHEAD = 4 * 1024

/**
 * Reads adjacent ranges many at a time. The result is a view of its own memory, valid until the
 * next read, or longer if that range is already in memory.
 */
export class AheadReader implements OpenReader {
  readonly size: number
  /** The result must not be overwritten: other callers may get the same bytes. */
  readonly isOwn = false
  private readonly reader: OpenReader
  private memory: Uint8Array = new Uint8Array(0)
  private start = 0
  private end = 0
  private ahead = LEAST_AHEAD

  constructor(reader: OpenReader) {
    this.reader = reader
    this.size = reader.size
  }

  read(offset: number, length: number): Uint8Array | Promise<Uint8Array> {
    if (offset < this.start || offset + length > this.end) return this.load(offset, length)
    return this.memory.subarray(offset - this.start, offset - this.start + length)
  }

  /** Whether bytes are in its own memory. */
  has(bytes: Uint8Array): boolean {
    return bytes.buffer === this.memory.buffer
  }

  async close(): Promise<void> {
    await this.reader.close()
  }

  private async load(offset: number, length: number): Promise<Uint8Array> {
    const follows = offset >= this.start && offset - this.end <= LEAST_AHEAD
    this.ahead = follows ? Math.min(4 * this.ahead, MOST_AHEAD) : LEAST_AHEAD
    const wanted = Math.min(this.size - offset, Math.max(length, this.ahead))
    // While the memory is overwritten, it is invalid.
    this.end = this.start
    if (this.memory.length < wanted) this.memory = Buffer.allocUnsafeSlow(wanted)
    const bytes = this.memory.subarray(0, wanted)
    await (this.reader.readInto?.(offset, bytes) ?? this.copy(offset, bytes))
    this.start = offset
    this.end = offset + wanted
    return this.memory.subarray(0, length)
  }

  private async copy(offset: number, into: Uint8Array): Promise<void> {
    into.set(await this.reader.read(offset, into.byteLength))
  }
}
