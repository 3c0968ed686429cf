import type { StoreCallOptions } from '../store/object-store.ts'
import type { RecordFile } from './record-files.ts'
import { RecordLines } from './record-lines.ts'

/** How records are read. `L`: what a file has of each record. */
export interface RecordPlan<T, L = string> {
  readonly files: readonly RecordFile[]
  readonly maxRecordBytes: number
  readonly call: StoreCallOptions
  /** Opens a file, if its records are not lines. */
  readonly open?: (file: RecordFile) => RecordReader<L>
  /** Makes a value of a line. File and number of the record are for messages. */
  readonly parse: (line: L, file: RecordFile, record: number) => T
  /**
   * Makes the values of all lines of a text, which is faster: those of the lines are two apart.
   * `undefined` if it cannot.
   */
  readonly parseAll: ((text: string) => readonly unknown[] | undefined) | undefined
}

/** Reads the records of a file, many at a time. */
export interface RecordReader<L> {
  /** The records that were read, unless there are {@link values}. */
  readonly lines: readonly L[]
  /** What was made of them together, two apart. */
  readonly values: readonly unknown[] | undefined
  /** Number of records that were read, and the number of the next one. */
  readonly count: number
  next: number
  /** Number of the next record in the file. */
  record: number
  /** Reads more when all were taken. They are there after {@link open}. @returns whether it has */
  fill(): Promise<boolean>
  /** Makes records of what was read, by `parseAll` if it is given and can. */
  open(parseAll: RecordPlan<unknown>['parseAll']): void
  close(): Promise<void>
}

/**
 * The records at positions, which count the records of all files in order. Files whose records were
 * counted are skipped; others are read to count their lines, which is several times faster than to
 * parse them.
 */
export function pickRecords<T, L = string>(
  plan: RecordPlan<T, L>,
  positions: Iterable<number>,
): AsyncIterable<T> {
  return { [Symbol.asyncIterator]: () => new RecordIterator(plan, positions) }
}

/**
 * Gives results without a promise while lines are there: `for await` and the engine take both, and
 * a promise per record would cost more than its parsing.
 */
class RecordIterator<T, L> implements AsyncIterator<T> {
  readonly #plan: RecordPlan<T, L>
  readonly #positions: Iterator<number>
  #lines: RecordReader<L> | undefined
  #file = 0
  /** Position of the first record of {@link #file}. */
  #first = 0
  #isDone = false

  constructor(plan: RecordPlan<T, L>, positions: Iterable<number>) {
    this.#plan = plan
    this.#positions = positions[Symbol.iterator]()
  }

  next(): Promise<IteratorResult<T>> {
    const step = this.#isDone ? undefined : this.#positions.next()
    if (step === undefined || step.done === true) return this.#end()
    const lines = this.#lines
    if (lines !== undefined) {
      const skipped = step.value - this.#first - lines.record
      if (skipped >= 0 && lines.next + skipped < lines.count) {
        lines.next += skipped
        lines.record += skipped
        return this.#take(lines) as unknown as Promise<IteratorResult<T>>
      }
    }
    return this.#seek(step.value)
  }

  async return(): Promise<IteratorResult<T>> {
    return await this.#end()
  }

  #take(lines: RecordReader<L>): IteratorResult<T> {
    const at = lines.next++
    const record = lines.record++
    if (lines.values !== undefined) return { done: false, value: lines.values[2 * at] as T }
    const file = this.#plan.files[this.#file] as RecordFile
    return { done: false, value: this.#plan.parse(lines.lines[at] as L, file, record) }
  }

  async #seek(position: number): Promise<IteratorResult<T>> {
    const { files } = this.#plan
    if (position < this.#first + (this.#lines?.record ?? 0)) await this.#restart(position)
    while (this.#file < files.length) {
      const file = files[this.#file] as RecordFile
      if (this.#lines === undefined) {
        if (file.count !== undefined && position >= this.#first + file.count) {
          this.#leave(file.count)
          continue
        }
        this.#lines = this.#open(file)
      }
      const lines = this.#lines
      const ahead = position - this.#first - lines.record
      // A text that is skipped is only split.
      lines.open(ahead === 0 ? this.#plan.parseAll : undefined)
      const there = lines.count - lines.next
      if (ahead < there) {
        lines.next += ahead
        lines.record += ahead
        return this.#take(lines)
      }
      lines.next += there
      lines.record += there
      if (await lines.fill()) continue
      this.#lines = undefined
      this.#leave(lines.record)
    }
    return await this.#end()
  }

  #open(file: RecordFile): RecordReader<L> {
    const { open, maxRecordBytes, call } = this.#plan
    if (open !== undefined) return open(file)
    return new RecordLines(file, maxRecordBytes, call) as unknown as RecordReader<L>
  }

  /** Goes to the file that the position may be in. */
  async #restart(position: number): Promise<void> {
    await this.#lines?.close()
    this.#lines = undefined
    if (position < this.#first) [this.#file, this.#first] = [0, 0]
  }

  #leave(count: number): void {
    this.#first += count
    this.#file++
  }

  async #end(): Promise<IteratorResult<T>> {
    this.#isDone = true
    const lines = this.#lines
    this.#lines = undefined
    await lines?.close()
    return { done: true, value: undefined }
  }
}
