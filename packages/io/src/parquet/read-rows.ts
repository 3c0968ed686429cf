import type { FileMetaData } from 'hyparquet'
import { mediaError } from '../errors.ts'
import type { ParquetDecompressors } from './codecs.ts'
import type { ParquetRow } from './from-parquet.ts'
import type { Hyparquet } from './library.ts'
import { openRanges } from './ranges.ts'

/** What is read, and how. */
export interface RowsToRead {
  readonly place: string | URL
  readonly name: string
  readonly metadata: FileMetaData
  readonly library: Hyparquet
  readonly columns: string[] | undefined
  readonly compressors: ParquetDecompressors
  readonly signal: AbortSignal | undefined
}

/** The rows at `positions`: the row group that a position lies in is read, and held until another is needed. */
export async function* readRows(
  positions: Iterable<number>,
  { place, name, metadata, library, columns, compressors, signal }: RowsToRead,
): AsyncGenerator<ParquetRow, void, void> {
  const starts = [0]
  for (const group of metadata.row_groups) starts.push(starts.at(-1)! + Number(group.num_rows))
  const ranges = await openRanges(place, signal)
  try {
    let rows: ParquetRow[] = []
    let first = 0
    for (const position of positions) {
      signal?.throwIfAborted()
      if (position < first || position >= first + rows.length) {
        const group = starts.findLastIndex((start) => start <= position)
        first = starts[group]!
        rows = await library
          .parquetReadObjects({
            file: ranges.buffer,
            metadata,
            compressors,
            rowStart: first,
            rowEnd: starts[group + 1]!,
            ...(columns === undefined ? {} : { columns }),
          })
          .catch((error) => {
            signal?.throwIfAborted()
            throw mediaError('ERR_DECODE', name, error)
          })
      }
      yield rows[position - first]!
    }
  } finally {
    await ranges.close()
  }
}
