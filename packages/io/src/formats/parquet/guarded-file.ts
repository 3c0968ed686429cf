import type { RowGroup } from 'hyparquet'
import type { GroupBudget } from './codecs.ts'
import { headersOf } from './page-headers.ts'
import type { Ranges } from './ranges.ts'

/** The position of a column in the file. */
interface Chunk {
  readonly start: number
  readonly end: number
}

/**
 * Wraps a file for the library. At most one row group is read, and the page headers of its columns
 * are checked before the library gets them.
 *
 * @throws MediaError while it is read: `ERR_TOO_LARGE`, `ERR_DECODE`, without the name of the file
 */
export function guardedFile(
  { byteLength, slice }: Ranges['buffer'],
  group: RowGroup,
  columns: readonly string[] | undefined,
  budget: GroupBudget,
): Ranges['buffer'] {
  const unread = new Set(chunksOf(group, columns))
  return {
    byteLength,
    async slice(start, end = byteLength) {
      const buffer = await slice(start, end)
      for (const chunk of unread) {
        if (chunk.start < start || chunk.end > end) continue
        unread.delete(chunk)
        const bytes = new Uint8Array(buffer, chunk.start - start, chunk.end - chunk.start)
        for (const { header } of headersOf(bytes))
          budget.takeValues(header.data?.values ?? header.dataV2?.values ?? 0)
      }
      return buffer
    },
  }
}

function chunksOf({ columns: chunks }: RowGroup, columns: readonly string[] | undefined): Chunk[] {
  return chunks.flatMap(({ meta_data: facts }) => {
    if (facts === undefined || columns?.includes(facts.path_in_schema[0]!) === false) return []
    const start = Number(facts.dictionary_page_offset || facts.data_page_offset)
    return [{ start, end: start + Number(facts.total_compressed_size) }]
  })
}
