import { createHash } from 'node:crypto'
import { messageOf, SpindleError } from '../../errors.ts'
import type { Dialect, RecordEnds } from './dialects.ts'
import type { ManifestBytes } from './manifest-bytes.ts'

/** The index keeps the position of the first of this many records. */
export const RECORDS_A_BLOCK = 32
/** A longer record is an error: usually a quote that is not closed. */
const MAX_RECORD_BYTES = 256 * 1024 * 1024

/** Where the records of a file begin. */
export interface RecordIndex {
  readonly file: ManifestBytes
  readonly dialect: Dialect
  /** Number of records. */
  readonly count: number
  /** Byte position of each block of records, then the end of the last block. */
  readonly starts: Float64Array
  readonly digest: string
}

/**
 * Reads a file once and indexes it.
 *
 * @throws `ERR_BAD_RECORD` for a malformed header; errors of `fs.open`
 */
export async function buildRecordIndex(
  file: ManifestBytes,
  dialect: Dialect,
): Promise<RecordIndex> {
  const scan = new Scan(file.name, dialect)
  const hash = createHash('sha256')
  for await (const piece of file.pieces()) {
    hash.update(piece)
    scan.add(piece)
  }
  const { count, starts } = scan.end()
  return { file, dialect, count, starts, digest: hash.digest('hex').slice(0, 16) }
}

/** The text of a record, without its line break. */
export function textOf(bytes: Uint8Array, from: number, end: number): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return buffer.toString('utf8', from, end).replace(/\r?\n$/, '')
}

/** Whether a line has no content. */
export function isBlank(bytes: Uint8Array, from: number, end: number): boolean {
  for (let i = from; i < end; i++)
    if (bytes[i] !== 10 && bytes[i] !== 13 && bytes[i] !== 32 && bytes[i] !== 9) return false
  return true
}

class Scan {
  private readonly path: string
  private readonly dialect: Dialect
  private readonly ends: RecordEnds
  private readonly starts: number[] = []
  private count = 0
  private isHeaderRead: boolean
  /** The part of the header that was read so far. */
  private header: Uint8Array[] = []
  /** Where the current record begins in the file, and whether it has content. */
  private start = 0
  private isBlank = true
  /** Number of bytes scanned so far. */
  private offset = 0

  constructor(path: string, dialect: Dialect) {
    this.path = path
    this.dialect = dialect
    this.ends = dialect.ends()
    this.isHeaderRead = dialect.readHeader === undefined
  }

  get isAtStart(): boolean {
    return this.offset === 0
  }

  add(piece: Uint8Array): void {
    if (this.isAtStart && hasMark(piece)) this.start = 3
    for (let at = this.isAtStart ? this.start : 0; ; ) {
      const end = this.ends.next(piece, at)
      const stop = end === -1 ? piece.length : end
      if (this.isBlank) this.isBlank = isBlank(piece, at, stop)
      // A copy: the file may use its memory again.
      if (!this.isHeaderRead) this.header.push(new Uint8Array(piece.subarray(at, stop)))
      if (end === -1) break
      this.endRecord(this.offset + end)
      at = end
    }
    this.offset += piece.length
    if (this.offset - this.start > MAX_RECORD_BYTES)
      throw this.fault(`it is longer than ${MAX_RECORD_BYTES} bytes, as if a quote were not closed`)
  }

  end(): { readonly count: number; readonly starts: Float64Array } {
    if (this.offset > this.start) this.endRecord(this.offset)
    return { count: this.count, starts: Float64Array.from([...this.starts, this.offset]) }
  }

  private endRecord(end: number): void {
    if (!this.isBlank) this.take()
    this.start = end
    this.isBlank = true
    this.header = []
  }

  private take(): void {
    if (this.isHeaderRead) {
      if (this.count++ % RECORDS_A_BLOCK === 0) this.starts.push(this.start)
      return
    }
    this.isHeaderRead = true
    const bytes = Buffer.concat(this.header)
    try {
      this.dialect.readHeader!(textOf(bytes, 0, bytes.length))
    } catch (error) {
      throw this.fault(messageOf(error))
    }
  }

  private fault(problem: string): SpindleError {
    return new SpindleError(
      'ERR_BAD_RECORD',
      `${this.path}: the record at byte ${this.start} cannot be read: ${problem}`,
    )
  }
}

/** Whether it begins with UTF-8's byte order mark. */
function hasMark(bytes: Uint8Array): boolean {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
}
