import {
  choice,
  integer,
  list,
  type Options,
  object,
  type RulesOf,
  signal as signalRule,
} from 'spindle/options'
import { limit, mediaOptions } from '../base/options.ts'
import { type UrlOptions, urlRules } from '../files/url-options.ts'
import type { ParquetDecompressors } from '../formats/parquet/codecs.ts'
import type { ParquetWhere } from '../formats/parquet/columns/where.ts'

/** Options of {@link fromParquet}. */
export interface ParquetOptions extends UrlOptions {
  /** The columns to read; others are not read from the file. Default: all. */
  readonly columns?: readonly string[]
  /**
   * What the source gives: `'rows'`, objects of values by column; or `'columns'`, batches of typed
   * arrays by column, which threads decode. Default `'rows'`.
   */
  readonly as?: 'rows' | 'columns'
  /** Rows of a batch of columns. An integer >= 1. Default: each row group is a batch. */
  readonly batchRows?: number
  /**
   * Which rows are wanted: `{ split: 'train', id: { $gte: 10 } }`. Row groups whose statistics rule
   * them out are not read, and of others the columns of the filter are read first. A batch of
   * columns then has the wanted ones of its rows, which may be none. Default: all rows.
   */
  readonly where?: ParquetWhere
  /**
   * Row groups that are read, and as columns decoded, before they are needed: their decompressed
   * size in bytes. An integer >= 0. Default 64 MiB.
   */
  readonly readAheadBytes?: number
  /**
   * Of columns: texts as `string[]`, or as their bytes with `textOffsets` (`'utf8'`). Default
   * `'strings'`.
   */
  readonly texts?: 'strings' | 'utf8'
  /**
   * Of columns: lists as `[rows, n]` if all of a batch have `n` items and none is null (`'auto'`),
   * or never (`'offsets'`), or always, where anything else is an error (`'fixed'`). Default
   * `'auto'`.
   */
  readonly lists?: 'auto' | 'offsets' | 'fixed'
  /**
   * Decompression functions for codecs that are not built in: `compressors` of
   * `hyparquet-compressors`. Built in are snappy, gzip and brotli, and zstd from Node 22.15 on.
   * Functions cannot go to threads: with this option, columns are decoded on the event loop.
   */
  readonly decompressors?: ParquetDecompressors
  /**
   * Largest decompressed size of the wanted columns of a row group, in bytes; a row counts as at
   * least 64 bytes, a value as 4. More is an error, `ERR_TOO_LARGE`. An integer >= 1, or
   * `Infinity`. Default 1 GiB.
   */
  readonly maxGroupBytes?: number
  /** Aborts: opening and iterating reject with the signal's reason. */
  readonly signal?: AbortSignal
}

export const parquetOptions: Options<
  RulesOf<
    ParquetOptions,
    | ('as' | 'readAheadBytes' | 'texts' | 'lists' | 'decompressors' | 'maxGroupBytes')
    | ('maxBytes' | 'timeoutMs' | 'totalTimeoutMs' | 'retries')
  >
> = mediaOptions('ParquetOptions', {
  columns: list('name', (name) => typeof name === 'string', { minLength: 1 }),
  as: choice(['rows', 'columns'], { default: 'rows' }),
  batchRows: integer({ min: 1 }),
  where: object<ParquetWhere>(),
  readAheadBytes: integer({ min: 0, default: 64 * 2 ** 20 }),
  texts: choice(['strings', 'utf8'], { default: 'strings' }),
  lists: choice(['auto', 'offsets', 'fixed'], { default: 'auto' }),
  decompressors: object({ default: {} }),
  maxGroupBytes: limit(1024 ** 3),
  signal: signalRule(),
  ...urlRules,
})
