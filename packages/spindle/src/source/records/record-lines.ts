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
  /** The lines that were read and not taken yet: those from {@link next} on. */
  lines: readonly string[] = []
  next = 0
  /** What was made of {@link lines} together. */
  values: readonly unknown[] | undefined
  /** Number of the next record in the file. */
  record = 0

  constructor(file: RecordFile, maxRecordBytes: number, options: StoreCallOptions) {
    this.#file = file
    this.#maxRecordBytes = maxRecordBytes
    this.#pieces = decompressed(file.store.stream(file.name, options), nameOf(file))
  }

  /**
   * Reads more lines when all were taken.
   *
   * @returns whether there are any
   * @throws `ERR_TOO_LARGE` for a line of more than `maxRecordBytes`
   */
  async fill(): Promise<boolean> {
    while (!this.#isEnded) {
      const step = await this.#pieces.next()
      if (step.done === true) {
        this.#isEnded = true
        this.#take(this.#joined(undefined))
        if (this.lines.length > 0) return true
        break
      }
      const end = step.value.lastIndexOf(NEW_LINE)
      if (end === -1) {
        this.#keep(step.value)
        continue
      }
      this.#take(this.#joined(step.value.subarray(0, end)))
      this.#keep(step.value.subarray(end + 1))
      if (this.lines.length > 0) return true
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

  #take(bytes: Uint8Array): void {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    let text = isAscii(buffer) ? buffer.toString('latin1') : buffer.toString()
    if (this.#isFirst && text !== '') {
      this.#isFirst = false
      if (text.startsWith('\ufeff')) text = text.slice(1)
    }
    const lines = text.split('\n')
    this.lines = lines.some(isBlank) ? lines.filter((line) => !isBlank(line)) : lines
    this.next = 0
    this.values = undefined
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
