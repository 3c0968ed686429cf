import { list, object, type Rules, signal as signalRule } from 'spindle/options'
import { type AsyncSource, defineAsyncSource } from 'spindle/source'
import { badOption, MediaError, mediaError } from '../../base/errors.ts'
import { limit, mediaOptions } from '../../base/options.ts'
import { describeSource } from '../../files/source.ts'
import { fetchingOf, type UrlOptions, urlRules } from '../../files/url-options.ts'
import { codecNames, type ParquetDecompressors } from './codecs.ts'
import { loadHyparquet } from './hyparquet.ts'
import { openRanges } from './ranges.ts'
import { type ParquetRow, readRows } from './read-rows.ts'
import { refuseByEnd, refuseColumns } from './refuse.ts'

/** Options of {@link fromParquet}. */
export interface ParquetOptions extends UrlOptions {
  /** The columns to read; others are not read from the file. Default: all. */
  readonly columns?: readonly string[]
  /**
   * Decompression for codecs that are not built in (snappy, gzip and brotli are, and zstd from Node
   * 22.15 on): `compressors` of `hyparquet-compressors`.
   */
  readonly decompressors?: ParquetDecompressors
  /**
   * Most bytes that the wanted columns of a row group may decompress to, a row counting as 64 bytes
   * at least, a value as 4; more is an error, `ERR_TOO_LARGE`. An integer >= 1, or `Infinity`.
   * Default 1 GiB.
   */
  readonly maxGroupBytes?: number
  /** Gives up: opening and iterating reject with the signal's reason. */
  readonly signal?: AbortSignal
}

const parquetOptions = mediaOptions('ParquetOptions', {
  columns: list('name', (name) => typeof name === 'string', { minLength: 1 }),
  decompressors: object({ default: {} }),
  maxGroupBytes: limit(1024 ** 3),
  signal: signalRule(),
  ...urlRules,
} satisfies Rules<ParquetOptions>)

/**
 * The rows of a Parquet file, by the library `hyparquet`, which must be installed beside this
 * package. A path, or a URL of a server that sends ranges: only the footer and the wanted columns
 * are read.
 *
 * Rows are read, decoded and held a row group at a time; so rows in order, or within
 * `shuffleBuffer`, cost little, and `shuffled` decodes a group for each row. Decoding holds the
 * loop: for large groups run the pipeline in a worker (`runPipelineInWorker`).
 *
 * A state belongs to the file's footer, which has sizes and statistics of all that is in it, and to
 * the columns.
 *
 * @throws MediaError `ERR_BACKEND_MISSING` where `hyparquet` is not installed; `ERR_DECODE` for
 * what is no Parquet file; `ERR_UNSUPPORTED` for encryption, and for a codec that nothing here
 * decompresses; `ERR_TOO_LARGE`; `ERR_READ`; `ERR_BAD_OPTION`, also for a column that is not there
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { fromParquet } from '@spindle/io'
 *
 * const rows = await fromParquet('packages/io/test/parquet/snappy.parquet', { columns: ['id', 'text'] })
 * assert.equal(rows.size, 100)
 * for await (const row of rows.iterateFrom(99, 0)) assert.deepEqual(row, { id: 99, text: 'row 99' })
 * ```
 */
export async function fromParquet(
  place: string | URL,
  options: ParquetOptions = {},
): Promise<AsyncSource<ParquetRow>> {
  const { columns, decompressors, maxGroupBytes, signal } = parquetOptions.check(options)
  const fetching = fetchingOf(options)
  if ((typeof place !== 'string' || place === '') && !(place instanceof URL))
    throw badOption('place', 'a path or a URL', place)
  const library = await loadHyparquet()
  const name = describeSource(place)
  const ranges = await openRanges(place, fetching)
  try {
    await refuseByEnd(ranges, name)
    const metadata = await library.parquetMetadataAsync(ranges.buffer).catch((error) => {
      signal?.throwIfAborted()
      if (error instanceof MediaError) throw error
      throw mediaError('ERR_DECODE', name, error)
    })
    const present = library.parquetSchema(metadata).children.map(({ element }) => element.name)
    const unknown = columns?.find((column) => !present.includes(column))
    if (unknown !== undefined) throw badOption('columns', `some of ${present.join(', ')}`, unknown)
    refuseColumns(metadata, columns, codecNames(library, decompressors), name)
    // Not what the footer says of all of them: some writers leave 0 there.
    const size = metadata.row_groups.reduce((sum, group) => sum + Number(group.num_rows), 0)
    if (!Number.isSafeInteger(size) || metadata.row_groups.some((group) => group.num_rows < 0))
      throw mediaError('ERR_DECODE', name, 'damaged: a row group with an impossible number of rows')
    return defineAsyncSource<ParquetRow>({
      size,
      description: {
        kind: 'Parquet',
        size,
        digest: await ranges.digestOfEnd(metadata.metadata_length + 8),
        columns: columns === undefined ? null : [...columns],
      },
      pick: (positions) =>
        readRows(positions, {
          place,
          name,
          metadata,
          library,
          fetching,
          columns: columns === undefined ? undefined : [...columns],
          decompressors,
          maxGroupBytes,
        }),
    })
  } finally {
    await ranges.close()
  }
}
