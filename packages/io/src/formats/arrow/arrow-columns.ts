import type { Column, ColumnMeaning } from 'spindle/source'
import { damaged, MediaError } from '../../base/errors.ts'
import type { Flechette } from './flechette.ts'

/** A column of one record batch, as the library has it. */
export interface ArrowBatch {
  readonly length: number
  readonly nullCount: number
  readonly type: ArrowType
  readonly validity?: Uint8Array
  readonly values?: ArrayBufferView & { readonly length: number }
  readonly offsets?: Int32Array | BigInt64Array
  readonly children?: readonly ArrowBatch[]
  /** Of views of lists. */
  readonly sizes?: Int32Array | BigInt64Array
  at(index: number): unknown
  /** Of a column of a dictionary. */
  readonly dictionary?: { at(index: number): unknown; readonly length: number }
}

/** A type, as the library has it. */
export interface ArrowType {
  readonly typeId: number
  readonly bitWidth?: number
  readonly signed?: boolean
  readonly precision?: number
  readonly scale?: number
  readonly unit?: number
  readonly timezone?: string | null
  readonly stride?: number
  readonly dictionary?: ArrowType
}

/** What columns of texts and lists become. */
export interface ArrowForm {
  readonly texts: 'strings' | 'utf8'
  readonly lists: 'auto' | 'offsets' | 'fixed'
  /** Most memory of values of JavaScript, 8 bytes each. */
  readonly maxBatchBytes: number
}

const UNITS = ['s', 'ms', 'us', 'ns'] as const
const PRECISIONS = ['float16', 'float32', 'float64'] as const

/** Turns columns of the library into columns of a batch, as views where that is possible. */
export class ArrowColumns {
  readonly #types: Flechette['Type']
  readonly #form: ArrowForm

  constructor({ Type }: Flechette, form: ArrowForm) {
    this.#types = Type
    this.#form = form
  }

  /** @throws MediaError `ERR_DECODE`, without the name of the file */
  columnOf(name: string, batch: ArrowBatch): Column {
    const { Type } = { Type: this.#types }
    const valid = validOf(batch)
    const common = valid && { valid }
    const rows = batch.length
    switch (batch.type.typeId) {
      case Type.List:
      case Type.LargeList:
        return this.#listOf(name, batch, valid)
      case Type.FixedSizeList: {
        const { stride = 0 } = batch.type
        const child = batch.children?.[0]
        if (child === undefined || !this.#isPlain(child)) return this.#objects(name, batch, common)
        if (child.length < rows * stride) throw cut(name)
        const { valid: itemValid, ...items } = this.#plain(name, child, 0, rows * stride)
        const shape = [rows, stride, ...items.shape.slice(1)]
        return { ...items, shape, ...(itemValid && { itemValid }), ...common }
      }
      default:
        if (!this.#isPlain(batch)) return this.#objects(name, batch, common)
        return this.#plain(name, batch, 0, rows)
    }
  }

  #listOf(name: string, batch: ArrowBatch, valid: Uint8Array | undefined): Column {
    const common = valid && { valid }
    const child = batch.children?.[0]
    if (child === undefined || !this.#isPlain(child)) return this.#objects(name, batch, common)
    const rows = batch.length
    const offsets = offsetsOf(name, batch, child.length)
    const first = offsets[0]!
    const end = offsets[rows]!
    const { valid: itemValid, ...items } = this.#plain(name, child, first, end)
    const width = items.shape.slice(1)
    const more = { ...(itemValid && { itemValid }), ...common }
    const length = rows > 0 && valid === undefined ? lengthOfAll(offsets, rows) : undefined
    const { lists } = this.#form
    if (length !== undefined && lists !== 'offsets')
      return { ...items, shape: [rows, length, ...width], ...more }
    if (lists === 'fixed' && rows > 0)
      throw new MediaError(
        'ERR_DECODE',
        `column "${name}" has lists of several lengths, or null, and \`lists\` is 'fixed'`,
      )
    const own = first === 0 ? offsets : offsets.map((offset) => offset - first)
    return { ...items, shape: [end - first, ...width], offsets: own, ...more }
  }

  /** Whether values are numbers, texts or bytes. */
  #isPlain({ type, dictionary }: ArrowBatch): boolean {
    const Type = this.#types
    const { typeId } = dictionary === undefined ? type : type.dictionary!
    return PLAIN.some((plain) => Type[plain] === typeId)
  }

  /** The values from `start` to `end`. */
  #plain(name: string, batch: ArrowBatch, start: number, end: number): Column {
    const Type = this.#types
    const { type, values, dictionary } = batch
    const all = validOf(batch)
    const valid = all && start === 0 && end === all.length ? all : all?.slice(start, end)
    const common = valid?.includes(0) ? { valid } : {}
    if (dictionary !== undefined) return this.#looked(name, batch, start, end, valid)
    switch (type.typeId) {
      case Type.Bool: {
        const bits = values as unknown as Uint8Array
        if (bits.length * 8 < end) throw cut(name)
        const data = new Uint8Array(end - start)
        for (let i = start; i < end; i++)
          data[i - start] = valid?.[i - start] === 0 ? 0 : (bits[i >> 3]! >> (i & 7)) & 1
        return { dtype: 'bool', data, shape: [end - start], ...common }
      }
      case Type.Utf8:
      case Type.LargeUtf8:
        return textsOf(name, batch, start, end, this.#form.texts, common)
      case Type.Binary:
      case Type.LargeBinary: {
        const offsets = offsetsOf(name, batch, values!.length)
        const bytes = values as unknown as Uint8Array
        const data = Array.from({ length: end - start }, (_, i) =>
          valid?.[i] === 0 ? null : bytes.subarray(offsets[start + i]!, offsets[start + i + 1]!),
        )
        return { dtype: 'bytes', data, shape: [end - start], ...common }
      }
      case Type.Utf8View:
      case Type.BinaryView: {
        const data = Array.from({ length: end - start }, (_, i) => batch.at(start + i))
        const dtype = type.typeId === Type.Utf8View ? 'string' : 'bytes'
        return { dtype, data, shape: [end - start], ...common }
      }
      case Type.FixedSizeBinary: {
        const stride = type.stride ?? 0
        const bytes = values as unknown as Uint8Array
        if (bytes.length < end * stride) throw cut(name)
        const data = zeroed(bytes.subarray(start * stride, end * stride), valid, stride)
        return { dtype: 'uint8', data, shape: [end - start, stride], ...common }
      }
      case Type.Decimal:
        return decimalsOf(name, batch, start, end, valid)
      default: {
        const { dtype, meaning } = this.#numberType(type)
        const numbers = values as unknown as Float64Array
        if (numbers.length < end) throw cut(name)
        const none = dtype === 'float16' ? 0x7e00 : /^float/.test(dtype) ? Number.NaN : 0
        const data = zeroed(numbers.subarray(start, end), valid, 1, none)
        return { dtype, data, shape: [end - start], ...common, ...(meaning && { meaning }) }
      }
    }
  }

  #numberType(type: ArrowType): Pick<Column, 'dtype' | 'meaning'> {
    const Type = this.#types
    const unit = UNITS[type.unit ?? 0]!
    switch (type.typeId) {
      case Type.Float:
        return { dtype: PRECISIONS[type.precision ?? 0]! }
      case Type.Date:
        return type.unit === 0
          ? { dtype: 'int32', meaning: { type: 'date', unit: 'day' } }
          : { dtype: 'int64', meaning: { type: 'date', unit: 'ms' } }
      case Type.Timestamp: {
        const isUtc = typeof type.timezone === 'string' && type.timezone !== ''
        return { dtype: 'int64', meaning: { type: 'timestamp', unit, isUtc } }
      }
      case Type.Duration:
        return { dtype: 'int64', meaning: { type: 'duration', unit } }
      case Type.Time:
        return { dtype: (type.unit ?? 0) < 2 ? 'int32' : 'int64', meaning: { type: 'time', unit } }
      default:
        return { dtype: `${type.signed === false ? 'u' : ''}int${type.bitWidth}` as 'int32' }
    }
  }

  /** Values of JavaScript, as the library makes them. */
  #objects(name: string, batch: ArrowBatch, common: Pick<Column, 'valid'> | undefined): Column {
    checkNested(name, batch, this.#form.maxBatchBytes)
    const data = Array.from({ length: batch.length }, (_, i) => batch.at(i))
    return { dtype: 'object', data, shape: [batch.length], ...common }
  }

  /** Values of a dictionary. */
  #looked(
    name: string,
    { values, dictionary, type }: ArrowBatch,
    start: number,
    end: number,
    valid: Uint8Array | undefined,
  ): Column {
    const words = dictionary!
    const indices = values as unknown as Int32Array
    if (indices.length < end) throw cut(name)
    const data = new Array<unknown>(end - start)
    const known = new Array<unknown>(Math.min(words.length, 1 << 16))
    for (let i = start; i < end; i++) {
      const index = Number(indices[i])
      if (valid?.[i - start] === 0) data[i - start] = null
      else if (index < 0 || index >= words.length) throw cut(name)
      else if (index < known.length) data[i - start] = known[index] ??= words.at(index)
      else data[i - start] = words.at(index)
    }
    const Type = this.#types
    const common = valid?.includes(0) ? { valid } : {}
    const { typeId } = type.dictionary!
    const isText = ([Type.Utf8, Type.LargeUtf8, Type.Utf8View] as number[]).includes(typeId)
    const isBytes = ([Type.Binary, Type.LargeBinary, Type.BinaryView] as number[]).includes(typeId)
    const dtype = isText ? 'string' : isBytes ? 'bytes' : 'object'
    return { dtype, data, shape: [end - start], ...common }
  }
}

const PLAIN = [
  ...(['Bool', 'Int', 'Float', 'Decimal', 'Date', 'Time', 'Timestamp', 'Duration'] as const),
  ...(['Utf8', 'LargeUtf8', 'Utf8View', 'Binary', 'LargeBinary', 'BinaryView'] as const),
  'FixedSizeBinary' as const,
]

/** Which rows are not null, one byte each; `undefined` if all are. */
function validOf({ nullCount, validity, length }: ArrowBatch): Uint8Array | undefined {
  if (nullCount === 0 || validity === undefined || validity.length === 0) return undefined
  if (validity.length * 8 < length) throw damaged('damaged: a mask of nulls is cut off')
  const valid = new Uint8Array(length)
  for (let i = 0; i < length; i++) valid[i] = (validity[i >> 3]! >> (i & 7)) & 1
  return valid.includes(0) ? valid : undefined
}

/** A view, or with nulls a copy, because what the file has in their places is anything. */
function zeroed<T extends Uint8Array | Float64Array>(
  values: T,
  valid: Uint8Array | undefined,
  width: number,
  none = 0,
): T {
  if (valid?.includes(0) !== true) return values
  const copy = values.slice() as T
  const empty =
    (copy as unknown as BigInt64Array) instanceof BigInt64Array ||
    (copy as unknown as BigUint64Array) instanceof BigUint64Array
      ? 0n
      : none
  for (const [i, is] of valid.entries())
    if (is === 0) copy.fill(empty as number, i * width, (i + 1) * width)
  return copy
}

/** Offsets of lists and texts, checked. Those of 64 bits become 32 bits. */
function offsetsOf(name: string, { offsets, length }: ArrowBatch, end: number): Int32Array {
  if (offsets === undefined || (length === 0 && offsets.length === 0)) return new Int32Array(1)
  if (offsets.length <= length) throw cut(name)
  const all =
    offsets instanceof Int32Array
      ? offsets.subarray(0, length + 1)
      : Int32Array.from(offsets.subarray(0, length + 1), (offset) =>
          offset > 0x7fffffffn ? -1 : Number(offset),
        )
  let last = 0
  for (const offset of all) {
    if (offset < last) throw cut(name)
    last = offset
  }
  if (last > end) throw cut(name)
  return all
}

/** Checks what the library trusts: lengths, and offsets into what is below. */
function checkNested(name: string, batch: ArrowBatch, maxBytes: number): void {
  const { offsets, sizes, children = [], values, length, type } = batch
  const below = children[0]?.length ?? values?.length ?? 0
  if (length * 8 > maxBytes || below * 8 > maxBytes) throw cut(name)
  if (sizes !== undefined) {
    let sum = 0
    for (let i = 0; i < length; i++) {
      const size = Number(sizes[i])
      const offset = Number(offsets?.[i])
      if (!(size >= 0 && offset >= 0 && offset + size <= below)) throw cut(name)
      sum += size
    }
    if (sum * 8 > maxBytes) throw cut(name)
  } else if (offsets !== undefined && offsets.length > length) offsetsOf(name, batch, below)
  if (type.stride !== undefined && children.length > 0 && below < length * type.stride)
    throw cut(name)
  for (const child of children) checkNested(name, child, maxBytes)
}

function lengthOfAll(offsets: Int32Array, rows: number): number | undefined {
  const length = offsets[1]! - offsets[0]!
  for (let i = 1; i < rows; i++) if (offsets[i + 1]! - offsets[i]! !== length) return undefined
  return length
}

function textsOf(
  name: string,
  batch: ArrowBatch,
  start: number,
  end: number,
  texts: 'strings' | 'utf8',
  common: Pick<Column, 'valid'>,
): Column {
  const bytes = batch.values as unknown as Uint8Array
  const offsets = offsetsOf(name, batch, bytes.length)
  const shape = [end - start]
  const first = offsets[start]!
  if (texts === 'utf8') {
    const textOffsets = offsets.subarray(start, end + 1).map((offset) => offset - first)
    const data = bytes.subarray(first, offsets[end]!)
    return { dtype: 'utf8', data, textOffsets, shape, ...common }
  }
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const data = Array.from({ length: end - start }, (_, i) =>
    common.valid?.[i] === 0
      ? null
      : buffer.toString('utf8', offsets[start + i]!, offsets[start + i + 1]!),
  )
  return { dtype: 'string', data, shape, ...common }
}

/** Decimals in their own width: 64 bits where they fit. */
function decimalsOf(
  name: string,
  { type, values }: ArrowBatch,
  start: number,
  end: number,
  valid: Uint8Array | undefined,
): Column {
  const { bitWidth = 128, precision = 0, scale = 0 } = type
  const meaning: ColumnMeaning = { type: 'decimal', precision, scale }
  const common = { shape: [end - start], meaning, ...(valid?.includes(0) && { valid }) }
  if (bitWidth === 32) {
    const numbers = values as unknown as Int32Array
    if (numbers.length < end) throw cut(name)
    const data = zeroed(numbers.subarray(start, end) as never as Float64Array, valid, 1)
    return { dtype: 'int32', data: data as never as Int32Array, ...common }
  }
  const words = values as unknown as BigUint64Array
  const width = bitWidth / 64
  if (words.length < end * width) throw cut(name)
  const isShort = precision <= 18
  const data = isShort ? new BigInt64Array(end - start) : new Array<bigint>(end - start)
  for (let i = start; i < end; i++) {
    let value = 0n
    if (valid?.[i - start] !== 0)
      for (let word = width - 1; word >= 0; word--)
        value = (value << 64n) | words[i * width + word]!
    data[i - start] = BigInt.asIntN(bitWidth, value)
  }
  return { dtype: isShort ? 'int64' : 'bigint', data, ...common }
}

function cut(name: string): MediaError {
  return damaged(`damaged: column "${name}" is cut off or points outside`)
}
