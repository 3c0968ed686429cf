import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { messageOf, SpindleError } from '../../errors.ts'
import type { Dialect } from './dialects.ts'

/** Of every so manyth record it is kept where it begins. */
export const RECORDS_A_BLOCK = 32
const PIECE_BYTES = 1 << 20
/** More than that is no record, but a quote that is not closed. */
const MAX_RECORD_BYTES = 256 * 1024 * 1024

/** Where the records of a file are. */
export interface RecordIndex {
  readonly path: string
  readonly dialect: Dialect
  /** How many records there are. */
  readonly count: number
  /** Where each block of records begins, in bytes, and at the end where the last one ends. */
  readonly starts: Float64Array
  readonly digest: string
  /** The file as it was: its size in bytes, and when it was changed. */
  readonly fileSize: number
  readonly modifiedMs: number
}

/** Goes through a file once. @throws `ERR_BAD_RECORD` for a header that is none; what `fs.open` gives */
export async function buildRecordIndex(path: string, dialect: Dialect): Promise<RecordIndex> {
  const file = await open(path)
  try {
    const { size: fileSize, mtimeMs: modifiedMs } = await file.stat()
    const scan = new Scan(path, dialect)
    const hash = createHash('sha256')
    for (;;) {
      // A piece is scanned before the next is read, so that a large file holds the loop for a piece at a time.
      const piece = Buffer.allocUnsafe(PIECE_BYTES)
      const { bytesRead } = await file.read(piece, 0, PIECE_BYTES)
      if (bytesRead === 0) break
      hash.update(piece.subarray(0, bytesRead))
      scan.add(piece.subarray(0, bytesRead))
    }
    const { count, starts } = scan.end()
    return { path, dialect, count, starts, digest: hash.digest('hex').slice(0, 16), fileSize, modifiedMs }
  } finally {
    await file.close()
  }
}

/** The text of a record, without its line break. */
export function textOf(bytes: Uint8Array, from: number, end: number): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return buffer.toString('utf8', from, end).replace(/\r?\n$/, '')
}

/** Whether there is nothing in a line. */
export function isBlank(bytes: Uint8Array, from: number, end: number): boolean {
  for (let i = from; i < end; i++)
    if (bytes[i] !== 10 && bytes[i] !== 13 && bytes[i] !== 32 && bytes[i] !== 9) return false
  return true
}

class Scan {
  private readonly path: string
  private readonly dialect: Dialect
  private readonly starts: number[] = []
  private count = 0
  private isHeaderRead: boolean
  /** What has come and is not yet a record, and where it lies in the file. */
  private rest: Uint8Array = new Uint8Array(0)
  private offset = 0

  constructor(path: string, dialect: Dialect) {
    this.path = path
    this.dialect = dialect
    this.isHeaderRead = dialect.readHeader === undefined
  }

  add(piece: Uint8Array): void {
    const bytes = this.rest.length === 0 ? piece : Buffer.concat([this.rest, piece])
    let at = this.offset === 0 && this.count === 0 && hasMark(bytes) ? 3 : 0
    for (let end = this.dialect.endOf(bytes, at); end !== -1; end = this.dialect.endOf(bytes, at)) {
      this.record(bytes, at, end)
      at = end
    }
    this.rest = bytes.subarray(at)
    this.offset += at
    if (this.rest.length > MAX_RECORD_BYTES)
      throw this.fault(
        `it is longer than ${MAX_RECORD_BYTES} bytes, as if a quote were not closed`,
        this.offset,
      )
  }

  end(): { readonly count: number; readonly starts: Float64Array } {
    if (this.rest.length > 0) this.record(this.rest, 0, this.rest.length)
    return { count: this.count, starts: Float64Array.from([...this.starts, this.offset + this.rest.length]) }
  }

  private record(bytes: Uint8Array, from: number, end: number): void {
    if (isBlank(bytes, from, end)) return
    if (!this.isHeaderRead) {
      this.isHeaderRead = true
      try {
        this.dialect.readHeader!(textOf(bytes, from, end))
      } catch (error) {
        throw this.fault(messageOf(error), this.offset + from)
      }
    } else if (this.count++ % RECORDS_A_BLOCK === 0) this.starts.push(this.offset + from)
  }

  private fault(problem: string, offset: number): SpindleError {
    return new SpindleError(
      'ERR_BAD_RECORD',
      `${this.path}: the record at byte ${offset} is none: ${problem}`,
    )
  }
}

/** Whether it begins with the mark of UTF-8. */
function hasMark(bytes: Uint8Array): boolean {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
}
