// Batches of columns are typed by dtype, and rows are no batches. Compiled by `npm run types`,
// never run.
import { fromArrow, fromParquet } from '@spindle/io'
import type { NdArray } from 'spindle/loader'
import { type Column, type ColumnBatch, fromCsv } from 'spindle/source'

export async function batches(): Promise<void> {
  for await (const { vec } of await fromParquet('a.parquet', { as: 'columns' })) tensorOf(vec)
  for await (const { vec } of await fromArrow('a.arrow')) tensorOf(vec)
  for await (const { vec } of await fromCsv('a.csv', { as: 'columns' })) tensorOf(vec)
  for await (const row of await fromParquet('a.parquet')) {
    const value: unknown = row.vec
    // @ts-expect-error: a row is no batch
    const batch: ColumnBatch = row
    void [value, batch]
  }
  // @ts-expect-error: no such operator
  await fromParquet('a.parquet', { where: { id: { $near: 1 } } })
  await fromParquet('a.parquet', { where: { $or: [{ id: { $gte: 1n } }, { text: 'a' }] } })
}

/** The dtype of a column narrows its data, so that it is an array. */
function tensorOf(column: Column | undefined): NdArray<'float32'> | readonly (string | null)[] {
  if (column?.dtype === 'float32') return column
  return column?.dtype === 'string' ? column.data : []
}
