import type { ColumnDType, ColumnMeaning } from 'spindle/source'
import { DATA_CLASSES } from '../../../base/dtypes.ts'

/** Arrays of numbers of any type. */
export type Numbers =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigUint64Array
  | BigInt64Array
  | Float32Array
  | Float64Array

/** The element types that are numbers in memory. */
export type NumberDType = Exclude<ColumnDType, 'string' | 'utf8' | 'bytes' | 'bigint' | 'object'>

/** What the values of a raw column are in memory. */
export type RawDType = NumberDType | 'text' | 'bytes' | 'bigint' | 'object'

/**
 * A column of one row group, in a form that moves between threads without a copy. Values are one
 * per row, or those of all lists one after another.
 */
export interface RawColumn {
  readonly dtype: RawDType
  readonly rows: number
  readonly meaning?: ColumnMeaning | undefined
  /**
   * The values; of `text` and `bytes` the bytes of all, or, with `indices`, of all values of the
   * dictionary.
   */
  readonly data: Numbers | readonly unknown[]
  /** Numbers of one value: more than 1 for arrays of bytes of one length. */
  readonly width: number
  /** Of `text` and `bytes`: where each value begins in `data`. */
  readonly starts?: Int32Array | undefined
  /** Of `text` and `bytes`: which value of the dictionary each value is; -1 for null. */
  readonly indices?: Int32Array | undefined
  /** Of lists: where that of each row begins. */
  readonly offsets?: Int32Array | undefined
  /** Of lists: the length that all have. */
  readonly listLength?: number | undefined
  /** One byte per row, 0 for null; `undefined` if none is. */
  readonly valid?: Uint8Array | undefined
  /** Of lists: one byte per item, 0 for null; `undefined` if none is. */
  readonly itemValid?: Uint8Array | undefined
}

/** New memory for numbers, not filled. */
export function allocNumbers(dtype: NumberDType, length: number): Numbers {
  const Data = DATA_CLASSES[dtype]
  if (length === 0) return new Data(0)
  const { buffer } = Buffer.allocUnsafeSlow(length * Data.BYTES_PER_ELEMENT)
  return new Data(buffer, 0, length)
}

/** The value of a null in memory. */
export function nullOf(dtype: NumberDType): number | bigint {
  if (dtype === 'float32' || dtype === 'float64') return Number.NaN
  if (dtype === 'float16') return 0x7e00
  return dtype === 'int64' || dtype === 'uint64' ? 0n : 0
}

/** The rows of a column that are at `rows`, in ascending order. */
export function gather(column: RawColumn, rows: Int32Array): RawColumn {
  const count = rows.length
  const valid = column.valid && picked(column.valid, rows)
  if (column.offsets === undefined)
    return { ...column, ...pickValues(column, rows), rows: count, valid: someNull(valid) }
  const offsets = new Int32Array(count + 1)
  for (let i = 0; i < count; i++) {
    const row = rows[i]!
    offsets[i + 1] = offsets[i]! + column.offsets[row + 1]! - column.offsets[row]!
  }
  const items = new Int32Array(offsets[count]!)
  for (let i = 0, at = 0; i < count; i++) {
    const end = column.offsets[rows[i]! + 1]!
    for (let item = column.offsets[rows[i]!]!; item < end; item++) items[at++] = item
  }
  const itemValid = column.itemValid && someNull(picked(column.itemValid, items))
  return {
    ...column,
    ...pickValues(column, items),
    rows: count,
    offsets,
    valid: someNull(valid),
    itemValid,
  }
}

function pickValues(
  column: RawColumn,
  at: Int32Array,
): Pick<RawColumn, 'data' | 'starts' | 'indices'> {
  const { data, width, indices, starts, dtype } = column
  if (indices !== undefined) return { data, starts, indices: picked(indices, at) }
  if (starts !== undefined) return pickTexts(data as Uint8Array, starts, at)
  if (!ArrayBuffer.isView(data)) return { data: Array.from(at, (index) => data[index]) }
  if (width === 1) return { data: picked(data as Uint8Array, at) }
  const out = allocNumbers(dtype as NumberDType, at.length * width) as Uint8Array
  for (let i = 0; i < at.length; i++)
    out.set((data as Uint8Array).subarray(at[i]! * width, (at[i]! + 1) * width), i * width)
  return { data: out }
}

function picked<T extends Numbers>(data: T, at: Int32Array): T {
  const out = new (data.constructor as new (length: number) => T)(at.length)
  for (let i = 0; i < at.length; i++) out[i] = data[at[i]!] as never
  return out
}

function pickTexts(
  data: Uint8Array,
  starts: Int32Array,
  at: Int32Array,
): Pick<RawColumn, 'data' | 'starts'> {
  const picks = new Int32Array(at.length + 1)
  for (let i = 0; i < at.length; i++)
    picks[i + 1] = picks[i]! + starts[at[i]! + 1]! - starts[at[i]!]!
  const bytes = new Uint8Array(picks[at.length]!)
  for (let i = 0; i < at.length; i++)
    bytes.set(data.subarray(starts[at[i]!]!, starts[at[i]! + 1]!), picks[i])
  return { data: bytes, starts: picks }
}

/** A mask, unless it says that none is null. */
export function someNull(valid: Uint8Array | undefined): Uint8Array | undefined {
  return valid?.includes(0) === true ? valid : undefined
}
