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

/** The typed array of each dtype of numbers, as arrays have it. */
interface NumbersOf {
  /** One byte per value, 0 or 1. */
  readonly bool: Uint8Array
  readonly uint8: Uint8Array
  readonly int8: Int8Array
  readonly uint16: Uint16Array
  readonly int16: Int16Array
  readonly uint32: Uint32Array
  readonly int32: Int32Array
  readonly uint64: BigUint64Array
  readonly int64: BigInt64Array
  /** The bits of half precision. */
  readonly float16: Uint16Array
  readonly float32: Float32Array
  readonly float64: Float64Array
}

/** The values of a column of each dtype. */
interface ColumnDataOf extends NumbersOf {
  readonly string: readonly (string | null)[]
  /** The bytes of all texts, with `textOffsets`. */
  readonly utf8: Uint8Array
  readonly bytes: readonly (Uint8Array | null)[]
  /** Decimals of more than 18 digits. */
  readonly bigint: readonly bigint[]
  /** Values of JavaScript: structures, maps, lists of lists. */
  readonly object: readonly unknown[]
}

/**
 * Element types of columns: those of arrays, `'string'`, `'utf8'` (bytes of texts), `'bytes'`,
 * `'bigint'` and `'object'`.
 */
export type ColumnDType = keyof ColumnDataOf

/** The values of a column. */
export type ColumnData = ColumnDataOf[ColumnDType]

/** What columns of all dtypes have. */
export interface ColumnParts {
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

/**
 * A column of a batch: an array of any dtype, as `NdArray`, or a list of texts or other values.
 * `if (column.dtype === 'float32')` narrows its `data` to a `Float32Array`.
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
export type Column = {
  readonly [D in ColumnDType]: ColumnParts & {
    readonly dtype: D
    readonly data: ColumnDataOf[D]
  }
}[ColumnDType]

/** A column while it is made, whose dtype and data are not checked against each other. */
export interface AnyColumn extends ColumnParts {
  readonly dtype: ColumnDType
  readonly data: ColumnData
}

/** Some rows of a table, column by column. */
export type ColumnBatch = Readonly<Record<string, Column>>
