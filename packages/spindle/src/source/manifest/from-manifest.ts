import { extname } from 'node:path'
import { badOption } from '../../check.ts'
import type { Json } from '../../engine/seekable.ts'
import { choice, is, list, options, type Rules } from '../../options/index.ts'
import { AsyncPlannedSource } from '../seek/expose.ts'
import type { AsyncSource } from '../seek/source-types.ts'
import { type FindObjectsOptions, findRules } from '../store/find-objects.ts'
import { type Dialect, jsonlDialect, tableDialect } from './dialects.ts'
import { manifestBytes } from './manifest-bytes.ts'
import { readRecords } from './read-records.ts'
import { buildRecordIndex } from './record-index.ts'

/**
 * A record of a manifest. In JSON Lines it is the object of the line; in a table it has a text for
 * each column name.
 */
export type ManifestRow = Readonly<Record<string, Json>>

/** Options of {@link fromManifest}. */
export interface FromManifestOptions extends FindObjectsOptions {
  /**
   * Format of the records. Default: by the file's ending, `.jsonl` or `.ndjson`, `.csv`, `.tsv`, in
   * front of `.gz` or `.zst`.
   */
  readonly format?: 'jsonl' | 'csv' | 'tsv'
  /** The character between the fields of a table. Default `,`; in TSV a tab. */
  readonly delimiter?: string
  /** Column names of a table whose first record does not hold them. */
  readonly columns?: readonly string[]
}

const manifestOptions = options('FromManifestOptions', {
  ...findRules,
  format: choice(['jsonl', 'csv', 'tsv']),
  delimiter: is(
    'one ASCII character, and neither a quote nor a line break',
    (value) => typeof value === 'string' && /^[^"\r\n]$/.test(value) && value <= '\x7f',
  ),
  columns: list('texts', (name) => typeof name === 'string'),
} satisfies Rules<FromManifestOptions>)

/**
 * The records of a JSON Lines file or of a table in RFC 4180 format, as a seekable source. Quoted
 * fields of a table may contain line breaks, delimiters and doubled quotes; values are texts. Empty
 * lines are not records.
 *
 * The file is read once to index it: the position of every 32nd record is kept, a quarter of a byte
 * per record. Records are then read on demand: in pieces of 256 KiB when they follow each other,
 * else 32 records at a time. A resume state belongs to the file's contents (a digest of them),
 * wherever the file is.
 *
 * The file may lie in a store or on a web server that sends ranges, and be compressed by gzip or
 * zstd. A compressed file is read forwards: to go back, it is read again from its beginning, so
 * shuffle it with `shuffleBuffer`.
 *
 * @param place a path or URL that `openStore` takes, or a name in `store`
 * @throws `ERR_BAD_OPTION`; `ERR_BAD_RECORD` for a table with two columns of the same name; errors
 *   of `fs.open` and of stores. `ERR_BAD_SOURCE` for another or damaged compression;
 *   `ERR_READ` for a pipe, socket or device. Iterating throws `ERR_BAD_RECORD` for a malformed
 *   record, with its number and position, and `ERR_BAD_SOURCE` if the file has changed since.
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { mkdtemp, writeFile } from 'node:fs/promises'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * import { fromManifest } from 'spindle/source'
 *
 * const path = join(await mkdtemp(join(tmpdir(), 'manifest-')), 'train.csv')
 * await writeFile(path, 'path,caption\na.jpg,"a cat, asleep"\nb.jpg,a dog\n')
 * const rows = await fromManifest(path)
 * assert.equal(rows.size, 2)
 * for await (const row of rows.iterateFrom(0, 0)) {
 *   assert.deepEqual(row, { path: 'a.jpg', caption: 'a cat, asleep' })
 *   break
 * }
 * ```
 */
export async function fromManifest<T = ManifestRow>(
  place: string | URL,
  options: FromManifestOptions = {},
): Promise<AsyncSource<T>> {
  if (!(place instanceof URL) && (typeof place !== 'string' || place === ''))
    badOption('place', 'a path, a URL, or a name in `store`', place)
  const dialect = dialectOf(place instanceof URL ? place.pathname : place, options)
  const index = await buildRecordIndex(await manifestBytes(place, options), dialect)
  const { count: size, digest } = index
  return new AsyncPlannedSource<T>({
    size,
    access: 'sequential',
    isAsync: true,
    describe: () => ({ kind: 'manifest', format: dialect.name, size, digest }),
    pick: (positions) => readRecords(index, positions) as AsyncIterable<T>,
  })
}

function dialectOf(path: string, options: FromManifestOptions): Dialect {
  const { format = formatOf(path), delimiter, columns } = manifestOptions.check(options)
  if (format === undefined)
    badOption('format', "'jsonl', 'csv' or 'tsv' where the file's ending does not tell", format)
  if (format === 'jsonl') {
    if (delimiter !== undefined) badOption('delimiter', 'left out for JSON Lines', delimiter)
    if (columns !== undefined) badOption('columns', 'left out for JSON Lines', columns)
    return jsonlDialect()
  }
  return tableDialect(format, delimiter ?? (format === 'tsv' ? '\t' : ','), columns)
}

function formatOf(path: string): 'jsonl' | 'csv' | 'tsv' | undefined {
  const ending = extname(
    path.replace(/\?.*$/, '').replace(/\.(?:gz|zst|bz2|xz|zip)$/i, ''),
  ).toLowerCase()
  if (ending === '.csv' || ending === '.tsv') return ending.slice(1) as 'csv' | 'tsv'
  return ending === '.jsonl' || ending === '.ndjson' ? 'jsonl' : undefined
}
