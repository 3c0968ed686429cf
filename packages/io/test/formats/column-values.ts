import type { Column, ColumnBatch } from 'spindle/source'

/** The values of a column, as `parquet/make_columns.py` writes them. */
export function valuesOf(column: Column): unknown[] {
  const { data, dtype, shape, offsets, valid, itemValid } = column
  const size = dtype === 'uint8' && shape.length === 2 ? shape[1]! : 1
  const items = Array.from({ length: data.length / size }, (_, i) => {
    const value = size > 1 ? [...(data as Uint8Array).subarray(i * size, (i + 1) * size)] : data[i]
    return itemValid?.[i] === 0 ? null : plain(value, dtype)
  })
  const length = shape[1]!
  const rows = offsets
    ? Array.from({ length: offsets.length - 1 }, (_, i) => items.slice(offsets[i], offsets[i + 1]))
    : shape.length === 2 && size === 1
      ? Array.from({ length: shape[0]! }, (_, i) => items.slice(i * length, (i + 1) * length))
      : items
  return rows.map((row, i) => (valid?.[i] === 0 ? null : row))
}

function plain(value: unknown, dtype: string): unknown {
  if (value === null) return null
  if (dtype === 'bool') return value === 1
  if (dtype === 'float16') return halfOf(value as number)
  if (dtype === 'float32' || dtype === 'float64' || dtype === 'string') return value
  if (value instanceof Uint8Array) return [...value]
  if (ArrayBuffer.isView(value)) return Array.from(value as never, String)
  if (Array.isArray(value)) return dtype === 'uint8' ? value : value.map((v) => plain(v, dtype))
  if (typeof value === 'object')
    return Object.fromEntries(Object.entries(value!).map(([k, v]) => [k, plain(v, dtype)]))
  return String(value)
}

function halfOf(bits: number): number {
  const exponent = bits >> 10
  return exponent === 0 ? bits / 2 ** 24 : (1 + (bits & 1023) / 1024) * 2 ** (exponent - 15)
}

/** The values of all batches, by column. */
export function joined(batches: readonly ColumnBatch[]): Record<string, unknown[]> {
  const names = Object.keys(batches[0]!)
  return Object.fromEntries(
    names.map((name) => [name, batches.flatMap((batch) => valuesOf(batch[name]!))]),
  )
}
