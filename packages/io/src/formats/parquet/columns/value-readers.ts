import { damaged } from '../../../base/errors.ts'
import type { ColumnForm } from './column-form.ts'
import { readHybrid } from './hybrid.ts'
import type { Page } from './page.ts'
import {
  allocNumbers,
  type NumberDType,
  type Numbers,
  nullOf,
  type RawColumn,
} from './raw-column.ts'
import { ByteValues, readByteArrays, readNumbers } from './values.ts'

/** Reads the values of a column, page by page, one after another. */
export interface ValueReader {
  /** Takes the page of the dictionary. */
  setDictionary(page: Page): void
  /** Appends `count` values of a page. */
  read(page: Page, count: number): void
  /**
   * Makes room for nulls among the last `present` values, which become as many as `levels`: those
   * below `level` are null.
   */
  spread(levels: Uint8Array, level: number, present: number): void
  /** The values, as a part of a column. */
  finish(): Pick<RawColumn, 'data' | 'starts' | 'indices'>
}

/** Checks the size of decoded texts in bytes. @throws MediaError `ERR_TOO_LARGE` */
export type TextLimit = (bytes: number) => void

/** Makes a reader of at most `capacity` values. */
export function readerOf(form: ColumnForm, capacity: number, limit: TextLimit): ValueReader {
  return form.type === 'BYTE_ARRAY'
    ? new TextReader(capacity, limit)
    : new NumberReader(form, capacity)
}

const DICTIONARY = /_DICTIONARY$/

/** Indices into a dictionary, checked. */
function readIndices(page: Page, count: number, size: number, out: Int32Array, to: number): void {
  if (count === 0) return
  const width = page.bytes[page.values]
  if (width === undefined || width > 32) throw damaged('damaged: indices of an impossible size')
  const most = readHybrid(page.bytes, page.values + 1, page.bytes.length, width, count, out, to)
  if (most >= size) throw damaged(`damaged: index ${most} in a dictionary of ${size} values`)
}

class NumberReader implements ValueReader {
  readonly #form: ColumnForm
  readonly #out: Numbers
  #used = 0
  #dictionary: Numbers | undefined
  #indices: Int32Array = new Int32Array(0)

  constructor(form: ColumnForm, capacity: number) {
    this.#form = form
    this.#out = allocNumbers(form.dtype as NumberDType, capacity * form.width)
  }

  setDictionary(page: Page): void {
    const { type, size, width, dtype } = this.#form
    if (page.count * size > page.bytes.length)
      throw damaged('damaged: a dictionary has fewer values than it says')
    this.#dictionary = allocNumbers(dtype as NumberDType, page.count * width)
    const { bytes, values, count } = page
    readNumbers(type, 'PLAIN', bytes, values, count, size, width, this.#dictionary, 0)
  }

  read(page: Page, count: number): void {
    const { type, size, width } = this.#form
    if (DICTIONARY.test(page.encoding)) this.#look(page, count)
    else {
      const { encoding, bytes, values } = page
      readNumbers(type, encoding, bytes, values, count, size, width, this.#out, this.#used)
    }
    this.#used += count
  }

  #look(page: Page, count: number): void {
    const dictionary = this.#dictionary
    if (dictionary === undefined) throw damaged('damaged: indices without a dictionary')
    const { width } = this.#form
    if (this.#indices.length < count) this.#indices = new Int32Array(count)
    const indices = this.#indices
    readIndices(page, count, dictionary.length / width, indices, 0)
    const out = this.#out
    if (width === 1) lookUp(dictionary as Int32Array, indices, count, out as Int32Array, this.#used)
    else
      for (let i = 0, to = this.#used * width; i < count; i++)
        for (let at = indices[i]! * width, end = at + width; at < end; )
          out[to++] = dictionary[at++] as never
  }

  spread(levels: Uint8Array, level: number, present: number): void {
    const { width, dtype } = this.#form
    const out = this.#out as Int32Array
    const none = nullOf(dtype as NumberDType) as number
    const first = this.#used - present
    let from = this.#used * width
    for (let i = levels.length - 1, to = (first + levels.length) * width; i >= 0; i--) {
      const isNull = levels[i]! < level
      for (let k = 0; k < width; k++) out[--to] = isNull ? none : out[--from]!
    }
    this.#used = first + levels.length
  }

  finish(): Pick<RawColumn, 'data'> {
    const used = this.#used * this.#form.width
    const out = this.#out
    // A copy when much of the memory is not used, so that what stays is what is needed.
    if (used === out.length) return { data: out }
    return { data: used < out.length / 2 ? out.slice(0, used) : out.subarray(0, used) }
  }
}

function lookUp(
  dictionary: Int32Array,
  indices: Int32Array,
  count: number,
  out: Int32Array,
  to: number,
): void {
  for (let i = 0; i < count; i++) out[to + i] = dictionary[indices[i]!]!
}

class TextReader implements ValueReader {
  readonly #capacity: number
  readonly #limit: TextLimit
  #used = 0
  #dictionary: { readonly bytes: Uint8Array; readonly starts: Int32Array } | undefined
  /** While all pages have indices. */
  #indices: Int32Array | undefined
  /** Otherwise. */
  #lengths: Int32Array | undefined
  readonly #values = new ByteValues()

  constructor(capacity: number, limit: TextLimit) {
    this.#capacity = capacity
    this.#limit = limit
  }

  setDictionary(page: Page): void {
    if (page.count * 4 > page.bytes.length)
      throw damaged('damaged: a dictionary has fewer values than it says')
    const values = new ByteValues()
    const lengths = new Int32Array(page.count)
    readByteArrays('PLAIN', page.bytes, page.values, page.count, values, lengths, this.#limit)
    const bytes = values.bytes.slice(0, values.used)
    this.#dictionary = { bytes, starts: startsOf(lengths, page.count) }
  }

  read(page: Page, count: number): void {
    if (!DICTIONARY.test(page.encoding)) {
      const lengths = this.#plain()
      const { encoding, bytes, values } = page
      const into = lengths.subarray(this.#used, this.#used + count)
      readByteArrays(encoding, bytes, values, count, this.#values, into, this.#limit)
    } else {
      if (this.#dictionary === undefined) throw damaged('damaged: indices without a dictionary')
      const size = this.#dictionary.starts.length - 1
      if (this.#lengths === undefined) {
        this.#indices ??= new Int32Array(this.#capacity)
        readIndices(page, count, size, this.#indices, this.#used)
      } else {
        const indices = new Int32Array(count)
        readIndices(page, count, size, indices, 0)
        this.#expand(indices, count, this.#used)
      }
    }
    this.#used += count
  }

  /** Leaves indices, because a page has none. */
  #plain(): Int32Array {
    if (this.#lengths !== undefined) return this.#lengths
    this.#lengths = new Int32Array(this.#capacity)
    const indices = this.#indices
    this.#indices = undefined
    if (indices !== undefined) this.#expand(indices, this.#used, 0)
    return this.#lengths
  }

  #expand(indices: Int32Array, count: number, to: number): void {
    const { bytes, starts } = this.#dictionary!
    const lengths = this.#lengths!
    let total = 0
    for (let i = 0; i < count; i++) {
      const index = indices[i]!
      const length = index < 0 ? 0 : starts[index + 1]! - starts[index]!
      lengths[to + i] = length
      total += length
    }
    this.#values.reserve(total, this.#limit)
    for (let i = 0; i < count; i++) {
      const index = indices[i]!
      if (index >= 0) this.#values.add(bytes, starts[index]!, starts[index + 1]!)
    }
  }

  spread(levels: Uint8Array, level: number, present: number): void {
    const out = (this.#lengths ?? this.#indices)!
    const none = this.#lengths === undefined ? -1 : 0
    const first = this.#used - present
    let from = this.#used
    for (let i = levels.length - 1; i >= 0; i--)
      out[first + i] = levels[i]! < level ? none : out[--from]!
    this.#used = first + levels.length
  }

  finish(): Pick<RawColumn, 'data' | 'starts' | 'indices'> {
    const used = this.#used
    if (this.#indices !== undefined)
      return {
        data: this.#dictionary!.bytes,
        starts: this.#dictionary!.starts,
        indices: this.#indices.subarray(0, used),
      }
    const data = this.#values.bytes.subarray(0, this.#values.used)
    return { data, starts: startsOf(this.#lengths ?? new Int32Array(0), used) }
  }
}

function startsOf(lengths: Int32Array, count: number): Int32Array {
  const starts = new Int32Array(count + 1)
  for (let i = 0; i < count; i++) starts[i + 1] = starts[i]! + lengths[i]!
  return starts
}
