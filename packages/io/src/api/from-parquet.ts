import { type AsyncSource, type ColumnBatch, defineAsyncSource, type Json } from 'spindle/source'
import { badOption, MediaError } from '../base/errors.ts'
import { fetchingOf } from '../files/url-options.ts'
import type { ParquetDecompressors } from '../formats/parquet/codecs.ts'
import type { BatchForm } from '../formats/parquet/columns/batch.ts'
import { type ColumnForm, formsOf } from '../formats/parquet/columns/column-form.ts'
import { decodeGroup } from '../formats/parquet/columns/decode-group.ts'
import { canSkip } from '../formats/parquet/columns/prune.ts'
import { batchCount, readBatches } from '../formats/parquet/columns/read-batches.ts'
import type { DecodeGroup, TableGroup } from '../formats/parquet/columns/read-groups.ts'
import { columnsOf, type Filter, filterOf } from '../formats/parquet/columns/where.ts'
import { loadHyparquet } from '../formats/parquet/hyparquet.ts'
import { digestOf, openTables, type TableFile } from '../formats/parquet/open-table.ts'
import { findFiles, type TableFiles } from '../formats/parquet/places.ts'
import { type ParquetRow, readRows } from '../formats/parquet/read-rows.ts'
import { resultOf } from './in-pool.ts'
import { columnOps } from './ops.ts'
import { type ParquetOptions, parquetOptions } from './parquet-options.ts'
import { runInPool } from './pool.ts'

/**
 * The rows of Parquet files, or batches of their columns, as a seekable source: one file or many,
 * local, on a web server that supports ranges, or in a store. It uses the library `hyparquet`,
 * which you install beside this package. Only the footers and the wanted columns are read.
 *
 * `as: 'columns'` gives batches of typed arrays, `{ id: { data, dtype, shape }, … }`. Threads
 * decode them, row groups ahead of the consumer within `readAheadBytes`. See {@link Column} for
 * nulls, lists and texts. This takes a quarter of the time of rows.
 *
 * `as: 'rows'` gives objects. A row group is decoded and held at a time, on the event loop. So rows
 * in order, or within `shuffleBuffer`, cost little, and `shuffled` decodes a group for each row.
 * For large groups, run the pipeline in a worker (`runPipelineInWorker`).
 *
 * The positions of all files are counted in order, so a run is resumed at its file, row group and
 * row at once. With `where`, the number of rows is not known: to begin at a late row, the columns
 * of the filter are read from the beginning. Batches of columns have fixed places in the files and
 * are resumed at once. A resume state belongs to the options and the files' footers, which have
 * sizes and statistics of all contents.
 *
 * @param files paths, URLs, or names in `store`; strings may have braces
 *   (`part-{000..099}.parquet`) and patterns (`data/**\/*.parquet`)
 * @throws MediaError `ERR_BACKEND_MISSING` if `hyparquet` is not installed; `ERR_DECODE` if a file
 *   is not a Parquet file; `ERR_UNSUPPORTED` for encryption, for a codec without a decompression
 *   function, and for files whose columns have other types; `ERR_TOO_LARGE`; `ERR_READ`;
 *   `ERR_BAD_OPTION`, also for an unknown column. SpindleError `ERR_NOT_FOUND` for a pattern that
 *   nothing matches
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { fromParquet } from '@spindle/io'
 *
 * const rows = await fromParquet('packages/io/test/parquet/snappy.parquet', { columns: ['id', 'text'] })
 * assert.equal(rows.size, 100)
 * for await (const row of rows.iterateFrom(99, 0)) assert.deepEqual(row, { id: 99, text: 'row 99' })
 *
 * const batches = await fromParquet('packages/io/test/parquet/{snappy,gzip}.parquet', {
 *   columns: ['id', 'text'],
 *   as: 'columns',
 *   batchRows: 150,
 * })
 * assert.equal(batches.size, 2)
 * for await (const { id, text } of batches.iterateFrom(1, 0)) {
 *   assert.deepEqual([id?.dtype, id?.shape, id?.data[0]], ['int32', [50], 50])
 *   assert.equal(text?.data[49], 'row 99')
 * }
 * ```
 */
export function fromParquet(
  files: TableFiles,
  options: ParquetOptions & { readonly as: 'columns' },
): Promise<AsyncSource<ColumnBatch>>
export function fromParquet(
  files: TableFiles,
  options?: ParquetOptions & { readonly as?: 'rows' },
): Promise<AsyncSource<ParquetRow>>
export function fromParquet(
  files: TableFiles,
  options?: ParquetOptions,
): Promise<AsyncSource<ColumnBatch> | AsyncSource<ParquetRow>>
export async function fromParquet(
  files: TableFiles,
  options: ParquetOptions = {},
): Promise<AsyncSource<ColumnBatch> | AsyncSource<ParquetRow>> {
  const checked = parquetOptions.check(options)
  const { as, decompressors, maxGroupBytes, readAheadBytes, signal, batchRows } = checked
  const fetching = fetchingOf(options)
  if (batchRows !== undefined && as === 'rows')
    throw badOption('batchRows', "given together with `as: 'columns'`", batchRows)
  signal?.throwIfAborted()
  const library = await loadHyparquet()
  const places = await findFiles(files, checked.store, fetching)
  const tables = await openTables(places, library, checked.columns, decompressors)
  signal?.throwIfAborted()
  const columns = checked.columns === undefined ? tables[0]!.columns : [...checked.columns]
  const forms = tables.map(({ metadata }) => formsOf(library, metadata))
  const filter = checked.where && filterOf(checked.where, forms[0]!)
  checkColumns(tables, forms, as === 'columns' || filter ? columns : [], filter)
  const groups = groupsOf(tables, forms, filter)
  const last = groups.at(-1)
  const rows = last === undefined ? 0 : last.start + last.rows
  const isHere = Object.keys(decompressors).length > 0
  const decode = isHere ? decoderHere(decompressors) : decodeInPool
  const reading = { maxGroupBytes, readAheadBytes, signal, decode, isHere }
  const common = { groups, columns, filter, ...reading }
  const described = {
    digest: digestOf(tables),
    columns: checked.columns === undefined ? null : [...columns],
    ...(filter && { where: JSON.parse(JSON.stringify(filter, plainJson)) as Json }),
  }
  if (as === 'rows') {
    const counts: (number | undefined)[] = []
    const plan = { ...common, library, decompressors, counts }
    const size = filter === undefined ? rows : undefined
    return defineAsyncSource<ParquetRow>({
      size,
      description: { kind: 'Parquet', size: size ?? null, ...described },
      pick: (positions) => readRows(positions, plan),
    })
  }
  const { texts, lists } = checked
  const form: BatchForm = { texts, lists, maxBytes: maxGroupBytes }
  const plan = { ...common, batchRows, form }
  const size = batchCount(plan)
  return defineAsyncSource<ColumnBatch>({
    size,
    description: {
      kind: 'Parquet columns',
      size,
      rows,
      batchRows: batchRows ?? null,
      ...described,
    },
    pick: (positions) => readBatches(positions, plan),
  })
}

function plainJson(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value
}

const decodeInPool: DecodeGroup = async (job, signal) =>
  resultOf(await runInPool(columnOps.parquet, job, signal), undefined)

/** In this thread: functions cannot go to others. */
function decoderHere(decompressors: ParquetDecompressors): DecodeGroup {
  return (job) => decodeGroup(job, decompressors)
}

/** Refuses files whose columns do not fit together. */
function checkColumns(
  tables: readonly TableFile[],
  forms: readonly ReadonlyMap<string, ColumnForm>[],
  columns: readonly string[],
  filter: Filter | undefined,
): void {
  const wanted = new Set([...columns, ...(filter === undefined ? [] : columnsOf(filter))])
  for (const [at, own] of forms.entries())
    for (const name of wanted) {
      const { name: source } = tables[at]!
      const [first, form] = [forms[0]!.get(name), own.get(name)]
      if (form === undefined)
        throw new MediaError('ERR_UNSUPPORTED', `${source}: no column "${name}"`, { source })
      if (first === undefined || typeOf(first) === typeOf(form)) continue
      throw new MediaError(
        'ERR_UNSUPPORTED',
        `${source}: column "${name}" is ${typeOf(form)}, and ${typeOf(first)} in ${tables[0]!.name}`,
        { source },
      )
    }
}

function typeOf({ kind, dtype, meaning, width }: ColumnForm): string {
  const unit = meaning && Object.values(meaning).join(' ')
  const size = width > 1 ? `[${width}]` : ''
  return `${kind === 'list' ? 'lists of ' : ''}${dtype}${size}${unit ? ` (${unit})` : ''}`
}

/** The row groups of all files that have rows, and may have wanted ones. */
function groupsOf(
  tables: readonly TableFile[],
  forms: readonly ReadonlyMap<string, ColumnForm>[],
  filter: Filter | undefined,
): TableGroup[] {
  const groups: TableGroup[] = []
  let start = 0
  for (const [at, file] of tables.entries())
    for (const group of file.metadata.row_groups) {
      const rows = Number(group.num_rows)
      const own = forms[at]!
      if (rows === 0 || (filter !== undefined && canSkip(filter, group, own))) continue
      groups.push({ file, group, forms: own, start, rows })
      start += rows
    }
  return groups
}
