/** What the values of a column stand for, where its dtype does not say it. */
export type ColumnMeaning =
  /** Time since 1970-01-01, in `unit`. Without `isUtc`, of an unknown time zone. */
  | { readonly type: 'timestamp'; readonly unit: 's' | 'ms' | 'us' | 'ns'; readonly isUtc: boolean }
  /** Time of day, in `unit`. */
  | { readonly type: 'time'; readonly unit: 's' | 'ms' | 'us' | 'ns' }
  /** A length of time, in `unit`. */
  | { readonly type: 'duration'; readonly unit: 's' | 'ms' | 'us' | 'ns' }
  /** Days since 1970-01-01; with `unit` `'ms'`, milliseconds. */
  | { readonly type: 'date'; readonly unit: 'day' | 'ms' }
  /** An exact number: the value divided by 10 to the power of `scale`. */
  | { readonly type: 'decimal'; readonly precision: number; readonly scale: number }

/**
 * Element types of columns: those of arrays, `'string'` (`string[]`), `'utf8'` (bytes of texts,
 * with `textOffsets`), `'bytes'` (`Uint8Array[]`), `'bigint'` (`bigint[]`, for decimals of more
 * than 18 digits), and `'object'` (values of JavaScript, for structures, maps and lists of lists).
 */
export type ColumnDType =
  | 'bool'
  | 'uint8'
  | 'int8'
  | 'uint16'
  | 'int16'
  | 'uint32'
  | 'int32'
  | 'uint64'
  | 'int64'
  | 'float16'
  | 'float32'
  | 'float64'
  | 'string'
  | 'utf8'
  | 'bytes'
  | 'bigint'
  | 'object'

/** The values of a column. */
export type ColumnData =
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
  | readonly unknown[]

/**
 * A column of a batch: an array of any dtype, as `NdArray`, or a list of texts or other values.
 *
 * | values | `shape` | besides |
 * |---|---|---|
 * | one per row | `[rows]` | |
 * | lists of one length `n` | `[rows, n]` | |
 * | lists of several lengths | `[items]` | `offsets`: row `i` has the items from `offsets[i]` to `offsets[i + 1]` |
 *
 * Nulls are NaN in floats, 0 in other numbers, `null` in lists of texts and objects; `valid` tells
 * which they are.
 */
export interface Column {
  readonly data: ColumnData
  readonly dtype: ColumnDType
  readonly shape: readonly number[]
  /** One byte per row, 0 for null. Only there if a row of the batch is null. */
  readonly valid?: Uint8Array
  /** Where the list of each row begins in `data`, and behind the last row its end. */
  readonly offsets?: Int32Array
  /** One byte per item of the lists, 0 for null. Only there if an item is null. */
  readonly itemValid?: Uint8Array
  /** For `'utf8'`: where each text begins in `data`, in bytes, and the end of the last one. */
  readonly textOffsets?: Int32Array
  readonly meaning?: ColumnMeaning
}

/** Some rows of a table, column by column. */
export type ColumnBatch = Readonly<Record<string, Column>>
