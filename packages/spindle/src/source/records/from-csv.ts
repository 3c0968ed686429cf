import { badOption } from '../../check.ts'
import type { Json } from '../../engine/seekable.ts'
import { boolean, choice, integer, is, list, options, type Rules } from '../../options/index.ts'
import type { ColumnBatch } from '../column-batch.ts'
import { AsyncPlannedSource } from '../seek/expose.ts'
import type { AsyncSource } from '../seek/source-types.ts'
import { findRules } from '../store/find-objects.ts'
import { type CsvDialect, CsvReader, fieldsOf } from './csv-reader.ts'
import type { CsvRecord } from './csv-split.ts'
import { CsvTable, type CsvTypes } from './csv-table.ts'
import { CSV_TYPES, type CsvValue } from './csv-types.ts'
import { type FromLinesOptions, setCounts } from './from-json-lines.ts'
import { pickRecords } from './pick-records.ts'
import { digestOf, recordFiles } from './record-files.ts'

/** A row of a table: values by column name. */
export type CsvRow = Readonly<Record<string, CsvValue>>

/** Options of {@link fromCsv}. */
export interface FromCsvOptions extends FromLinesOptions {
  /** One ASCII character between fields. Default `,`; for names that end with `.tsv`, a tab. */
  readonly delimiter?: string
  /**
   * One ASCII character around fields; `''` for a table in which quotes mean nothing. Default `"`.
   */
  readonly quote?: string
  /**
   * Whether the first record of each file holds the names of columns. Default true without
   * `names`, otherwise false.
   */
  readonly header?: boolean
  /** The names of the columns, in order, instead of those of the header. */
  readonly names?: readonly string[]
  /** The columns to give. Default: all. */
  readonly columns?: readonly string[]
  /**
   * The type of each column, `{ id: 'int64', score: 'float32' }`; others are texts. Or `'infer'`:
   * `'float64'` or `'bool'` where all of the first 1000 records of the first file agree, otherwise
   * `'string'`. Default: all are texts.
   */
  readonly types?: CsvTypes | 'infer'
  /**
   * Texts that stand for null, in all columns. Default: an empty field is null, and in a column of
   * texts an empty text.
   */
  readonly nulls?: readonly string[]
  /** What the source gives: objects, or batches of columns. Default `'rows'`. */
  readonly as?: 'rows' | 'columns'
  /** Rows of a batch of columns. An integer >= 1. Default 4096. */
  readonly batchRows?: number
  /** Most characters of a field; more is an error, `ERR_TOO_LARGE`. Default 16 777 216. */
  readonly maxFieldLength?: number
}

const oneCharacter = (value: unknown): boolean =>
  typeof value === 'string' && /^[^\r\n]$/.test(value) && value <= '\x7f'

const csvOptions = options('FromCsvOptions', {
  ...findRules,
  counts: is('an array of integers >= 0, one for each file', Array.isArray),
  maxRecordBytes: integer({ min: 1, orInfinity: true, default: 64 * 2 ** 20 }),
  delimiter: is('one ASCII character that is no line break', oneCharacter),
  quote: is<string, { default: string }>(
    "one ASCII character that is no line break, or ''",
    (value) => value === '' || oneCharacter(value),
    { default: '"' },
  ),
  header: boolean(),
  names: list('texts', (name) => typeof name === 'string', { minLength: 1 }),
  columns: list('texts', (name) => typeof name === 'string', { minLength: 1 }),
  types: is(
    `'infer', or an object of types by column: ${CSV_TYPES.join(', ')}`,
    (types) =>
      types === 'infer' ||
      (typeof types === 'object' &&
        types !== null &&
        Object.values(types).every((type) => CSV_TYPES.includes(type))),
  ),
  nulls: list('texts', (text) => typeof text === 'string'),
  as: choice(['rows', 'columns'], { default: 'rows' }),
  batchRows: integer({ min: 1 }),
  maxFieldLength: integer({ min: 1, orInfinity: true, default: 16 * 2 ** 20 }),
} satisfies Rules<FromCsvOptions>)

/**
 * The rows of CSV or TSV files (RFC 4180), or batches of their columns, as a seekable source: one
 * file or many, local or in a store, plain or compressed by gzip or zstd. Text is UTF-8, with or
 * without a byte order mark; lines end with LF or CRLF; quoted fields may contain line breaks,
 * delimiters and doubled quotes. Empty lines are no records. Columns may be in another order in
 * each file.
 *
 * Files are read as streams, as by `fromJsonLines`: to begin at a late position, files in front of
 * it are read and their records counted, unless `counts` tells or they were read before. Records
 * are parsed on the event loop.
 *
 * @throws as `fromJsonLines`. `ERR_BAD_RECORD` for a record with too few or too many fields, wrong
 *   quotes, or a field that is no value of its column's type, with file and number;
 *   `ERR_BAD_SOURCE` for a file without a column that is wanted, for UTF-16, damaged or other
 *   compression; `ERR_TOO_LARGE` for a long record or field
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { mkdtempSync, writeFileSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * import { fromCsv } from 'spindle/source'
 *
 * const folder = mkdtempSync(join(tmpdir(), 'csv-'))
 * writeFileSync(join(folder, 'a.csv'), 'id,text\n1,"a, b"\n2,c\n')
 * const rows = await fromCsv(join(folder, '*.csv'), { types: { id: 'int32' } })
 * for await (const row of rows.iterateFrom(1, 0)) assert.deepEqual(row, { id: 2, text: 'c' })
 * const batches = await fromCsv(join(folder, 'a.csv'), { types: 'infer', as: 'columns' })
 * for await (const { id } of batches) assert.deepEqual(id!.data, Float64Array.of(1, 2))
 * ```
 */
export function fromCsv(
  files: string | URL | readonly (string | URL)[],
  options: FromCsvOptions & { readonly as: 'columns' },
): Promise<AsyncSource<ColumnBatch>>
export function fromCsv<T = CsvRow>(
  files: string | URL | readonly (string | URL)[],
  options?: FromCsvOptions & { readonly as?: 'rows' },
): Promise<AsyncSource<T>>
export async function fromCsv(
  patterns: string | URL | readonly (string | URL)[],
  given: FromCsvOptions = {},
): Promise<AsyncSource<CsvRow> | AsyncSource<ColumnBatch>> {
  const checked = csvOptions.check(given)
  const { counts, maxRecordBytes, signal, quote, names, as, batchRows = 4096 } = checked
  if (checked.batchRows !== undefined && as === 'rows')
    badOption('batchRows', "given together with `as: 'columns'`", checked.batchRows)
  const files = await recordFiles(patterns, given)
  if (counts !== undefined) setCounts(files, counts)
  const byName = files.every(({ name }) => /\.tsv(?:\.\w+)?$/i.test(name)) ? '\t' : ','
  const { delimiter = byName, header: hasHeader = names === undefined } = checked
  if (delimiter === quote) badOption('quote', 'another character than `delimiter`', quote)
  const call = signal === undefined ? {} : { signal }
  const dialect: CsvDialect = { delimiter, quote, hasHeader, maxRecordBytes, call }
  const table = await CsvTable.open(files, dialect, checked)
  const size = counts?.reduce((sum, count) => sum + count, 0)
  const common = {
    files,
    maxRecordBytes,
    call,
    open: (file: (typeof files)[number]) =>
      new CsvReader(file, dialect, (fields) => table.setHeader(file, fields)),
    parseAll: undefined,
  }
  const described: { readonly [name: string]: Json } = {
    files: files.length,
    digest: digestOf(files),
    dialect: [delimiter, quote, hasHeader, ...(names ?? [])],
    nulls: checked.nulls === undefined ? null : [...checked.nulls],
    columns: table.columns.map(({ name, type }) => [name, type]),
  }
  if (as === 'rows')
    return new AsyncPlannedSource<CsvRow>({
      size,
      access: 'sequential',
      isAsync: true,
      describe: () => ({ kind: 'csv', ...described }),
      pick: (positions) =>
        pickRecords<CsvRow, CsvRecord>(
          { ...common, parse: (line, file, record) => table.rowOf(line, file, record) },
          positions,
        ),
    })
  return new AsyncPlannedSource<ColumnBatch>({
    size: size === undefined ? undefined : Math.ceil(size / batchRows),
    access: 'sequential',
    isAsync: true,
    describe: () => ({ kind: 'csv columns', batchRows, ...described }),
    pick: (positions) => {
      const parse = (line: CsvRecord, file: (typeof files)[number], record: number) => ({
        fields: fieldsOf(line, delimiter),
        file,
        record,
      })
      return table.batches(positions, batchRows, size, (rows) =>
        pickRecords({ ...common, parse }, rows),
      )
    },
  })
}
