import { isAscii } from 'node:buffer'
import { SpindleError } from '../../errors.ts'
import { plain } from '../../plain-text.ts'
import type { StoreCallOptions } from '../store/object-store.ts'
import { decompressed } from './decompressed.ts'
import type { RecordFile } from './record-files.ts'

const NEW_LINE = 10

/**
 * Reads the lines of a file, many at a time: each block of bytes becomes one text, which is split.
 * Lines of white space are no records.
 */
export class RecordLines {
  readonly #file: RecordFile
  readonly #pieces: AsyncGenerator<Uint8Array, void, void>
  readonly #maxRecordBytes: number
  /** Bytes of a line whose end has not come. */
  #begun: Uint8Array[] = []
  #begunBytes = 0
  #isFirst = true
  #isEnded = false
  /** The text that was read last: whole lines. `undefined` if it was split or parsed. */
  #text: string | undefined
  /** The lines of that text, if they were split. */
  lines: readonly string[] = []
  /** The values of that text, if they were parsed together; those of records are two apart. */
  values: readonly unknown[] | undefined
  /** Number of records in it, and the number of the next one. */
  count = 0
  next = 0
  /** Number of the next record in the file. */
  record = 0

  constructor(file: RecordFile, maxRecordBytes: number, options: StoreCallOptions) {
    this.#file = file
    this.#maxRecordBytes = maxRecordBytes
    this.#pieces = decompressed(file.store.stream(file.name, options), nameOf(file))
  }

  /**
   * Reads more lines when all were taken. They are there after {@link open}.
   *
   * @returns whether the file has not ended
   * @throws `ERR_TOO_LARGE` for a line of more than `maxRecordBytes`
   */
  async fill(): Promise<boolean> {
    while (!this.#isEnded) {
      const step = await this.#pieces.next()
      if (step.done === true) {
        this.#isEnded = true
        if (this.#take(this.#joined(undefined))) return true
        break
      }
      const end = step.value.lastIndexOf(NEW_LINE)
      if (end === -1) {
        this.#keep(step.value)
        continue
      }
      const isThere = this.#take(this.#joined(step.value.subarray(0, end)))
      this.#keep(step.value.subarray(end + 1))
      if (isThere) return true
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

  /**
   * Makes records of the text that was read.
   *
   * @param parseAll makes the values of all lines; {@link lines} are split if it cannot, or is not
   *   given, as for counting
   */
  open(parseAll?: (text: string) => readonly unknown[] | undefined): void {
    const text = this.#text
    if (text === undefined) return
    this.#text = undefined
    this.values = parseAll?.(text)
    if (this.values !== undefined) {
      this.count = (this.values.length + 1) / 2
      return
    }
    const lines = text.split('\n')
    this.lines = lines.some(isBlank) ? lines.filter((line) => !isBlank(line)) : lines
    this.count = this.lines.length
    // Without the blank lines, which no parser takes.
    if (parseAll !== undefined && this.count < lines.length)
      this.values = parseAll(this.lines.join('\n'))
  }

  async close(): Promise<void> {
    await this.#pieces.return()
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.byteLength === 0) return
    this.#begunBytes += bytes.byteLength
    if (this.#begunBytes > this.#maxRecordBytes)
      throw new SpindleError(
        'ERR_TOO_LARGE',
        `${nameOf(this.#file)}: a record has more than \`maxRecordBytes\` (${this.#maxRecordBytes})`,
      )
    // A copy: the stream may use its memory again.
    this.#begun.push(new Uint8Array(bytes))
  }

  #joined(last: Uint8Array | undefined): Uint8Array {
    if (this.#begun.length === 0) return last ?? new Uint8Array(0)
    const all = Buffer.concat(last === undefined ? this.#begun : [...this.#begun, last])
    this.#begun = []
    this.#begunBytes = 0
    return all
  }

  /** @returns whether there is any text */
  #take(bytes: Uint8Array): boolean {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    let text = isAscii(buffer) ? buffer.toString('latin1') : buffer.toString()
    if (this.#isFirst && text !== '') {
      this.#isFirst = false
      if (text.startsWith('\ufeff')) text = text.slice(1)
    }
    this.#text = text
    this.lines = []
    this.values = undefined
    this.count = 0
    this.next = 0
    return text !== ''
  }
}

function isBlank(line: string): boolean {
  // Of an empty line, the code is NaN.
  return !(line.charCodeAt(0) > 0x20) && line.trim() === ''
}

/** The file in messages. */
export function nameOf({ store, name }: RecordFile): string {
  return plain(`${store.url.replace(/\/$/, '')}/${name}`)
}
