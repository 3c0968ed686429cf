import { damaged } from '../../../base/errors.ts'
import { headersOf } from '../page-headers.ts'
import type { ColumnForm } from './column-form.ts'
import { areAll, findZeros, readHybrid } from './hybrid.ts'
import { type Inflate, type Page, readPages } from './page.ts'
import { type RawColumn, someNull } from './raw-column.ts'
import { readerOf, type TextLimit, type ValueReader } from './value-readers.ts'

/** What a column chunk is decoded with. */
export interface ChunkContext {
  /** Rows of the row group. */
  readonly rows: number
  readonly inflate: Inflate | undefined
  /** Takes the number of values from the budget. @throws MediaError `ERR_TOO_LARGE` */
  readonly takeValues: (values: number) => void
  readonly limitTexts: TextLimit
}

/**
 * Decodes a column chunk: flat columns and lists of plain values.
 *
 * @throws MediaError `ERR_DECODE`, `ERR_TOO_LARGE`; UnsupportedPage for an encoding that only the
 *   library reads
 */
export function decodeChunk(bytes: Uint8Array, form: ColumnForm, context: ChunkContext): RawColumn {
  let total = 0
  for (const { header } of headersOf(bytes))
    total += header.data?.values ?? header.dataV2?.values ?? 0
  context.takeValues(total)
  const { rows } = context
  if (form.kind === 'flat' ? total !== rows : total < rows)
    throw damaged(`damaged: column "${form.name}" has ${total} values for ${rows} rows`)
  const reader = readerOf(form, total, context.limitTexts)
  const levels = form.kind === 'flat' ? new FlatLevels(form, rows) : new ListLevels(form, rows)
  for (const page of readPages(bytes, { ...form, inflate: context.inflate })) {
    if (page.isDictionary) reader.setDictionary(page)
    else levels.read(page, reader)
  }
  const { name, dtype, width, meaning } = form
  return { dtype, rows, width, meaning, ...levels.finish(name), ...reader.finish() }
}

function bitsOf(level: number): number {
  return 32 - Math.clz32(level)
}

/** The definition levels of a flat column: which rows are null. */
class FlatLevels {
  readonly #form: ColumnForm
  readonly #valid: Uint8Array
  #hasNulls = false
  #rows = 0

  constructor(form: ColumnForm, rows: number) {
    this.#form = form
    this.#valid = new Uint8Array(form.maxDefinition > 0 ? rows : 0)
  }

  read(page: Page, reader: ValueReader): void {
    const { maxDefinition: most } = this.#form
    const { count, bytes, definition } = page
    const first = this.#rows
    this.#rows += count
    const { start, end } = definition
    if (most === 0) {
      reader.read(page, count)
      return
    }
    const levels = this.#valid.subarray(first, first + count)
    if (areAll(bytes, start, end, bitsOf(most), count, most)) levels.fill(1)
    else {
      readHybrid(bytes, start, end, bitsOf(most), count, levels, 0)
      let present = 0
      for (let i = 0; i < count; i++) {
        const isValid = levels[i] === most ? 1 : 0
        levels[i] = isValid
        present += isValid
      }
      reader.read(page, present)
      if (present === count) return
      this.#hasNulls = true
      reader.spread(levels, 1, present)
      return
    }
    reader.read(page, count)
  }

  finish(): Pick<RawColumn, 'valid'> {
    return { valid: this.#hasNulls ? this.#valid : undefined }
  }
}

/** The levels of a list: where the list of each row begins, and what is null. */
class ListLevels {
  readonly #form: ColumnForm
  readonly #rows: number
  readonly #offsets: Int32Array
  readonly #valid: Uint8Array
  /** Rows that have begun. */
  #row = 0
  #items = 0
  /** One byte per item, from the first page with a null on. */
  #itemValid: Uint8Array | undefined

  constructor(form: ColumnForm, rows: number) {
    this.#form = form
    this.#rows = rows
    this.#offsets = new Int32Array(rows + 1)
    this.#valid = new Uint8Array(rows).fill(1)
  }

  read(page: Page, reader: ValueReader): void {
    const { maxDefinition: most } = this.#form
    const { count, bytes, definition, repetition } = page
    if (count === 0) return
    if (!areAll(bytes, definition.start, definition.end, bitsOf(most), count, most)) {
      this.#readMixed(page, reader)
      return
    }
    const { start, end } = repetition
    const begun = findZeros(bytes, start, end, count, this.#items, this.#offsets, this.#row)
    if (this.#row === 0 && (begun === 0 || this.#offsets[0] !== 0)) throw noBegin()
    this.#row += begun
    this.#addItems(count)
    reader.read(page, count)
  }

  #readMixed(page: Page, reader: ValueReader): void {
    const { maxDefinition: most, itemLevel } = this.#form
    const { count, bytes, definition, repetition } = page
    const levels = new Uint8Array(count)
    const repeats = new Uint8Array(count)
    readHybrid(bytes, definition.start, definition.end, bitsOf(most), count, levels, 0)
    readHybrid(bytes, repetition.start, repetition.end, 1, count, repeats, 0)
    let items = 0
    let present = 0
    for (let i = 0; i < count; i++) {
      const level = levels[i]!
      if (repeats[i] === 0) {
        if (this.#row >= this.#rows) throw damaged('damaged: more lists than rows')
        if (level < itemLevel - 1) this.#valid[this.#row] = 0
        this.#offsets[this.#row++] = this.#items + items
      } else if (this.#row === 0) throw noBegin()
      if (level < itemLevel) continue
      if (level === most) present++
      levels[items++] = level === most ? 1 : 0
    }
    this.#addItems(items, items === present ? undefined : levels.subarray(0, items))
    reader.read(page, present)
    if (present < items) reader.spread(levels.subarray(0, items), 1, present)
  }

  #addItems(count: number, valid?: Uint8Array): void {
    const end = this.#items + count
    if (valid !== undefined || this.#itemValid !== undefined) {
      const known = this.#itemValid ?? new Uint8Array(0)
      if (known.length < end) {
        const grown = new Uint8Array(Math.max(end, known.length * 2)).fill(1)
        grown.set(known.subarray(0, this.#items))
        this.#itemValid = grown
      }
      if (valid !== undefined) this.#itemValid?.set(valid, this.#items)
    }
    this.#items = end
  }

  finish(name: string): Pick<RawColumn, 'offsets' | 'listLength' | 'valid' | 'itemValid'> {
    if (this.#row !== this.#rows)
      throw damaged(`damaged: column "${name}" has ${this.#row} lists for ${this.#rows} rows`)
    const offsets = this.#offsets
    offsets[this.#rows] = this.#items
    const valid = someNull(this.#valid)
    const listLength = valid === undefined ? lengthOfAll(offsets, 0, this.#rows) : undefined
    return { offsets, listLength, valid, itemValid: this.#itemValid?.slice(0, this.#items) }
  }
}

/** The length of all lists from `start` to `end`; `undefined` if they differ or there are none. */
export function lengthOfAll(offsets: Int32Array, start: number, end: number): number | undefined {
  if (start >= end) return undefined
  const length = offsets[start + 1]! - offsets[start]!
  for (let i = start + 1, next = offsets[i]! + length; i < end; i++, next += length)
    if (offsets[i + 1] !== next) return undefined
  return length
}

function noBegin(): Error {
  return damaged('damaged: a list without its beginning')
}
