import type { ColumnForm } from './column-form.ts'
import { allocNumbers, type NumberDType, type RawColumn } from './raw-column.ts'

/** Decimals of so many digits fit into 64 bits. */
const DIGITS_OF_64_BITS = 18
const JULIAN_DAY_OF_1970 = 2440588n
const DAY_NS = 86_400_000_000_000n

/** Turns the bytes of a column into what it stands for. */
export function converted(column: RawColumn, form: ColumnForm): RawColumn {
  if (form.convert === 'int96') return int96(column)
  return form.convert === 'decimal' ? decimals(column) : column
}

/** A column of no rows. */
export function emptyColumn(form: ColumnForm): RawColumn {
  const { dtype, width, meaning, kind } = form
  const isBytes = dtype === 'text' || dtype === 'bytes'
  const isList = dtype === 'object' || dtype === 'bigint'
  return converted(
    {
      dtype,
      rows: 0,
      width,
      meaning,
      data: isList ? [] : allocNumbers(isBytes ? 'uint8' : (dtype as NumberDType), 0),
      ...(isBytes && { starts: new Int32Array(1) }),
      ...(kind === 'list' && { offsets: new Int32Array(1) }),
    },
    form,
  )
}

/** Days and nanoseconds of the day, as old writers store times. */
function int96({ data, ...column }: RawColumn): RawColumn {
  const bytes = data as Uint8Array
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const times = allocNumbers('int64', bytes.length / 12) as BigInt64Array
  for (let i = 0; i < times.length; i++) {
    const days = BigInt(view.getUint32(12 * i + 8, true)) - JULIAN_DAY_OF_1970
    times[i] = days * DAY_NS + view.getBigInt64(12 * i, true)
  }
  zeroNulls(times, column)
  return { ...column, dtype: 'int64', width: 1, data: times }
}

/** Two's complement, the highest byte first. */
function decimals(column: RawColumn): RawColumn {
  const { starts, indices, width, meaning } = column
  const bytes = column.data as Uint8Array
  const count = indices?.length ?? (starts ? starts.length - 1 : bytes.length / width)
  const isShort = meaning?.type === 'decimal' && meaning.precision <= DIGITS_OF_64_BITS
  const values = isShort
    ? (allocNumbers('int64', count) as BigInt64Array)
    : new Array<bigint>(count)
  const valid = column.offsets === undefined ? column.valid : column.itemValid
  for (let i = 0; i < count; i++) {
    const index = indices?.[i] ?? i
    const start = starts === undefined ? i * width : (starts[index] ?? 0)
    const end = starts === undefined ? start + width : (starts[index + 1] ?? 0)
    values[i] = valid?.[i] === 0 ? 0n : numberOf(bytes, start, end)
  }
  const dtype = isShort ? 'int64' : 'bigint'
  return { ...column, dtype, width: 1, data: values, starts: undefined, indices: undefined }
}

function numberOf(bytes: Uint8Array, start: number, end: number): bigint {
  let value = 0n
  for (let i = start; i < end; i++) value = (value << 8n) | BigInt(bytes[i]!)
  return BigInt.asIntN((end - start) * 8, value)
}

function zeroNulls(times: BigInt64Array, column: Omit<RawColumn, 'data'>): void {
  const valid = column.offsets === undefined ? column.valid : column.itemValid
  if (valid !== undefined) for (let i = 0; i < times.length; i++) if (valid[i] === 0) times[i] = 0n
}
