import type { FileMetaData } from 'hyparquet'
import { MediaError, mediaError, withSource } from '../../base/errors.ts'
import type { Fetching } from '../../files/url-options.ts'
import { codecs, GroupBudget, type ParquetDecompressors } from './codecs.ts'
import { guardedFile } from './guarded-file.ts'
import type { Hyparquet } from './hyparquet.ts'
import { openRanges } from './ranges.ts'

/**
 * A row: values by column name, as `hyparquet` returns them. 64-bit integers are `bigint`s, times
 * are `Date`s.
 */
export type ParquetRow = Readonly<Record<string, unknown>>

/** The rows to read, and how. */
export interface RowsToRead {
  readonly place: string | URL
  readonly name: string
  readonly metadata: FileMetaData
  readonly library: Hyparquet
  readonly columns: string[] | undefined
  readonly decompressors: ParquetDecompressors
  readonly maxGroupBytes: number
  readonly fetching: Fetching
}

/**
 * Reads the rows at `positions`. The row group of a position is read, and kept until another one is
 * needed.
 */
export async function* readRows(
  positions: Iterable<number>,
  { place, name, metadata, library, columns, decompressors, maxGroupBytes, fetching }: RowsToRead,
): AsyncGenerator<ParquetRow, void, void> {
  const { signal } = fetching
  const starts = [0]
  for (const group of metadata.row_groups) starts.push(starts.at(-1)! + Number(group.num_rows))
  const ranges = await openRanges(place, fetching)
  try {
    let rows: ParquetRow[] = []
    let first = 0
    for (const position of positions) {
      signal?.throwIfAborted()
      if (position < first || position >= first + rows.length) {
        const group = starts.findLastIndex((start) => start <= position)
        first = starts[group]!
        const budget = new GroupBudget(maxGroupBytes)
        try {
          budget.takeRows(starts[group + 1]! - first)
        } catch (error) {
          throw withSource(error, name)
        }
        rows = await library
          .parquetReadObjects({
            file: guardedFile(ranges.buffer, metadata.row_groups[group]!, columns, budget),
            metadata,
            compressors: codecs(library, decompressors, budget),
            rowStart: first,
            rowEnd: starts[group + 1]!,
            ...(columns === undefined ? {} : { columns }),
          })
          .catch((error) => {
            signal?.throwIfAborted()
            throw error instanceof MediaError
              ? withSource(error, name)
              : mediaError(isUnsupported(error) ? 'ERR_UNSUPPORTED' : 'ERR_DECODE', name, error)
          })
      }
      const row = rows[position - first]
      if (row === undefined)
        throw mediaError(
          'ERR_DECODE',
          name,
          `damaged: a row group has ${rows.length} rows and says more`,
        )
      yield row
    }
  } finally {
    await ranges.close()
  }
}

/** Whether the library reports an unsupported feature: an encoding, a type, another file. */
function isUnsupported(error: unknown): boolean {
  return error instanceof Error && /unsupported|not supported|unhandled type/i.test(error.message)
}
