import { SpindleError } from '../../errors.ts'
import type { StoreCallOptions } from '../store/object-store.ts'
import { type CsvRecord, splitRecords } from './csv-split.ts'
import { decompressed } from './decompressed.ts'
import type { RecordReader } from './pick-records.ts'
import type { RecordFile } from './record-files.ts'
import { nameOf } from './record-lines.ts'

/** The characters that divide fields, and the bounds. */
export interface CsvDialect {
  readonly delimiter: string
  /** Empty: quotes are ordinary characters. */
  readonly quote: string
  /** Whether the first record of a file holds names. */
  readonly hasHeader: boolean
  readonly maxRecordBytes: number
  readonly call: StoreCallOptions
}

const NEW_LINE = 10

/**
 * Reads the records of a table, many at a time: each block of bytes becomes one text, which is
 * divided. A quoted field may contain line breaks, so that a record may continue in the next block.
 */
export class CsvReader implements RecordReader<CsvRecord> {
  readonly #file: RecordFile
  readonly #dialect: CsvDialect
  readonly #pieces: AsyncGenerator<Uint8Array, void, void>
  readonly #onHeader: (fields: readonly string[]) => void
  /** Bytes whose line has not ended. */
  #begun: Uint8Array[] = []
  #begunBytes = 0
  /** The text of a record whose quotes have not ended. */
  #open = ''
  #isFirst = true
  #needsHeader: boolean
  #isEnded = false
  #problem: SpindleError | undefined
  lines: readonly CsvRecord[] = []
  next = 0
  readonly values = undefined
  record = 0

  constructor(
    file: RecordFile,
    dialect: CsvDialect,
    onHeader: (fields: readonly string[]) => void = () => {},
  ) {
    this.#file = file
    this.#dialect = dialect
    this.#onHeader = onHeader
    this.#needsHeader = dialect.hasHeader
    this.#pieces = decompressed(file.store.stream(file.name, dialect.call), nameOf(file))
  }

  /**
   * @throws `ERR_TOO_LARGE` for a record of more than `maxRecordBytes`; `ERR_BAD_RECORD` for quotes
   *   that are wrong; `ERR_BAD_SOURCE` for UTF-16
   */
  async fill(): Promise<boolean> {
    if (this.#problem !== undefined) throw this.#problem
    while (!this.#isEnded) {
      const step = await this.#pieces.next()
      if (step.done === true) {
        this.#isEnded = true
        this.#take(this.#joined(undefined), true)
      } else {
        // A record that goes on is looked at again only when as much has come, so that the time
        // grows with the size of the file alone.
        const end = step.value.lastIndexOf(NEW_LINE)
        const isEnough = this.#begunBytes + end >= this.#open.length
        if (end === -1 || !isEnough) {
          this.#keep(step.value)
          continue
        }
        this.#take(this.#joined(step.value.subarray(0, end + 1)), false)
        this.#keep(step.value.subarray(end + 1))
      }
      if (this.lines.length > 0) return true
      if (this.#problem !== undefined) throw this.#problem
    }
    const { count } = this.#file
    if (count !== undefined && count !== this.record)
      throw new SpindleError(
        'ERR_BAD_SOURCE',
        `${nameOf(this.#file)} has ${this.record} records, and \`counts\` says ${count}`,
      )
    this.#file.count = this.record
    return false
  }

  get count(): number {
    return this.lines.length
  }

  /** The records are divided already. */
  open(): void {}

  async close(): Promise<void> {
    await this.#pieces.return()
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.byteLength === 0) return
    this.#begunBytes += bytes.byteLength
    if (this.#open.length + this.#begunBytes > 2 * this.#dialect.maxRecordBytes) this.#tooLarge()
    // A copy: the stream may use its memory again.
    this.#begun.push(new Uint8Array(bytes))
  }

  #tooLarge(): never {
    const { maxRecordBytes } = this.#dialect
    throw new SpindleError(
      'ERR_TOO_LARGE',
      `${nameOf(this.#file)}: a record has more than \`maxRecordBytes\` (${maxRecordBytes})`,
    )
  }

  #joined(last: Uint8Array | undefined): Uint8Array {
    if (this.#begun.length === 0) return last ?? new Uint8Array(0)
    const all = Buffer.concat(last === undefined ? this.#begun : [...this.#begun, last])
    this.#begun = []
    this.#begunBytes = 0
    return all
  }

  #take(bytes: Uint8Array, isEnd: boolean): void {
    const { maxRecordBytes } = this.#dialect
    const text = this.#open + this.#decoded(bytes)
    const { records, rest, problem } = splitRecords(text, this.#dialect, isEnd)
    this.#open = rest
    if (rest.length > maxRecordBytes) this.#tooLarge()
    if (problem !== undefined) {
      const number = this.record + records.length + (this.#needsHeader ? 0 : 1)
      // The records in front of it are given first.
      this.#problem = new SpindleError(
        'ERR_BAD_RECORD',
        `${nameOf(this.#file)}: record ${number - 1}: ${problem}`,
      )
    }
    this.lines = records
    this.next = 0
    const [first] = records
    if (this.#needsHeader && first !== undefined) {
      this.#needsHeader = false
      this.#onHeader(fieldsOf(first, this.#dialect.delimiter))
      this.lines = records.slice(1)
    }
    if (text.length > maxRecordBytes)
      for (const record of records) if (lengthOf(record) > maxRecordBytes) this.#tooLarge()
  }

  #decoded(bytes: Uint8Array): string {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
    if (!this.#isFirst || bytes.length === 0) return text
    this.#isFirst = false
    const isWide =
      (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)
    if (isWide)
      throw new SpindleError(
        'ERR_BAD_SOURCE',
        `${nameOf(this.#file)} is UTF-16, and UTF-8 is read: convert it (iconv -f utf-16 -t utf-8)`,
      )
    return text.startsWith('\ufeff') ? text.slice(1) : text
  }
}

/** The fields of a record. */
export function fieldsOf(record: CsvRecord, delimiter: string): readonly string[] {
  return typeof record === 'string' ? record.split(delimiter) : record
}

function lengthOf(record: CsvRecord): number {
  if (typeof record === 'string') return record.length
  return record.reduce((sum, field) => sum + field.length, 0)
}
