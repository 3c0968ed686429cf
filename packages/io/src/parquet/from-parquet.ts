import { type AsyncSource, defineAsyncSource } from 'spindle/source'
import { checkKnown, checkSignal } from '../check.ts'
import { badOption, MediaError, mediaError } from '../errors.ts'
import { describeSource } from '../source.ts'
import { fetchingOf, URL_OPTIONS, type UrlOptions } from '../url/url-options.ts'
import type { ParquetDecompressors } from './codecs.ts'
import { loadHyparquet } from './library.ts'
import { openRanges, type Ranges } from './ranges.ts'
import { readRows } from './read-rows.ts'

/** A row: values by the names of columns, as `hyparquet` gives them. 64-bit integers are `bigint`s, times are `Date`s. */
export type ParquetRow = Readonly<Record<string, unknown>>

/** Options of {@link fromParquet}. */
export interface ParquetOptions extends UrlOptions {
  /** The columns to read; others are not read from the file. Default: all. */
  readonly columns?: readonly string[]
  /** Decompression for codecs that are not built in (snappy, gzip and brotli are, and zstd from Node 22.15 on): `compressors` of `hyparquet-compressors`. */
  readonly decompressors?: ParquetDecompressors
  /**
   * Most bytes that the wanted columns of a row group may decompress to, a row counting as 64 bytes at least, a value as 4; more is an error, `ERR_TOO_LARGE`. An integer >= 1, or `Infinity`. Default 1 GiB.
   */
  readonly maxGroupBytes?: number
  /** Gives up: opening and iterating reject with the signal's reason. */
  readonly signal?: AbortSignal
}

/**
 * The rows of a Parquet file, by the library `hyparquet`, which must be installed beside this package. A path, or a URL of a server that sends ranges: only the footer and the wanted
 * columns are read.
 *
 * Rows are read, decoded and held a row group at a time; so rows in order, or within `shuffleBuffer`, cost little, and `shuffled` decodes a group for each row. Decoding holds the loop: for large groups run the
 * pipeline in a worker (`runPipelineInWorker`).
 *
 * A state belongs to the file's footer, which has sizes and statistics of all that is in it, and to the columns.
 *
 * @throws MediaError `ERR_BACKEND_MISSING` where `hyparquet` is not installed; `ERR_DECODE` for what is no Parquet file; `ERR_TOO_LARGE`; `ERR_READ`; `ERR_BAD_OPTION`, also for a
 * column that is not there
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
  checkKnown(options, ['columns', 'decompressors', 'maxGroupBytes', 'signal'], URL_OPTIONS)
  const { columns, decompressors = {}, maxGroupBytes = 1024 ** 3, signal } = options
  checkSignal(signal)
  if (!(maxGroupBytes === Number.POSITIVE_INFINITY || Number.isInteger(maxGroupBytes)) || maxGroupBytes < 1)
    throw badOption('maxGroupBytes', 'an integer >= 1 or Infinity', maxGroupBytes)
  const fetching = fetchingOf(options)
  const isList =
    Array.isArray(columns) && columns.length > 0 && columns.every((name) => typeof name === 'string')
  if (columns !== undefined && !isList) throw badOption('columns', 'an array of at least one name', columns)
  if ((typeof place !== 'string' || place === '') && !(place instanceof URL))
    throw badOption('place', 'a path or a URL', place)
  const library = await loadHyparquet()
  const name = describeSource(place)
  const ranges = await openRanges(place, fetching)
  try {
    await refuseLargeFooter(ranges, name)
    const metadata = await library.parquetMetadataAsync(ranges.buffer).catch((error) => {
      signal?.throwIfAborted()
      if (error instanceof MediaError) throw error
      throw mediaError('ERR_DECODE', name, error)
    })
    const present = library.parquetSchema(metadata).children.map(({ element }) => element.name)
    const unknown = columns?.find((column) => !present.includes(column))
    if (unknown !== undefined) throw badOption('columns', `some of ${present.join(', ')}`, unknown)
    const size = Number(metadata.num_rows)
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

/** Its parts become objects, many times as large as they are in the file. */
const MAX_FOOTER_BYTES = 64 * 1024 * 1024

/** @throws MediaError `ERR_TOO_LARGE` */
async function refuseLargeFooter({ buffer }: Ranges, name: string): Promise<void> {
  if (buffer.byteLength < 8) return
  const end = await buffer.slice(buffer.byteLength - 8)
  const bytes = new DataView(end).getUint32(0, true)
  const isParquet = Buffer.from(end).toString('latin1', 4) === 'PAR1'
  if (!isParquet || bytes <= MAX_FOOTER_BYTES) return
  const problem = `its footer has ${bytes} bytes; at most ${MAX_FOOTER_BYTES} are read`
  throw new MediaError('ERR_TOO_LARGE', `${name}: ${problem}`, { source: name })
}
