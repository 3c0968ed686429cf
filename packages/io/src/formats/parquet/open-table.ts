import type { FileMetaData } from 'hyparquet'
import { badOption, MediaError, mediaError } from '../../base/errors.ts'
import { nodeCrypto } from '../../builtins.ts'
import type { Fetching } from '../../files/url-options.ts'
import { codecNames, type ParquetDecompressors } from './codecs.ts'
import type { Hyparquet } from './hyparquet.ts'
import type { FilePlace } from './places.ts'
import { openRanges, type Ranges } from './ranges.ts'
import { refuseByEnd, refuseColumns } from './refuse.ts'

/** A Parquet file whose footer was read. */
export interface TableFile extends FilePlace {
  readonly metadata: FileMetaData
  /** A digest of the footer, which has sizes and statistics of all contents. */
  readonly digest: string
  /** Names of its columns. */
  readonly columns: readonly string[]
}

/** Footers that are read at the same time. */
const LANES = 16

/**
 * Reads the footers of files.
 *
 * @throws MediaError as `fromParquet`
 */
export async function openTables(
  places: readonly FilePlace[],
  library: Hyparquet,
  columns: readonly string[] | undefined,
  decompressors: ParquetDecompressors,
): Promise<TableFile[]> {
  const tables: TableFile[] = []
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < places.length) {
      const at = next++
      tables[at] = await openTable(places[at]!, library, columns, decompressors)
    }
  }
  await Promise.all(Array.from({ length: Math.min(LANES, places.length) }, lane))
  return tables
}

async function openTable(
  file: FilePlace,
  library: Hyparquet,
  columns: readonly string[] | undefined,
  decompressors: ParquetDecompressors,
): Promise<TableFile> {
  const { place, name, fetching } = file
  const ranges = await openRanges(place, fetching)
  try {
    await refuseByEnd(ranges, name)
    const metadata = await readMetadata(library, ranges, name, fetching)
    const present = library.parquetSchema(metadata).children.map(({ element }) => element.name)
    const unknown = columns?.find((column) => !present.includes(column))
    if (unknown !== undefined)
      throw badOption('columns', `some of ${present.join(', ')} (${name})`, unknown)
    refuseColumns(metadata, columns, codecNames(decompressors), name)
    if (!Number.isSafeInteger(rowsOf(metadata)) || metadata.row_groups.some((g) => g.num_rows < 0))
      throw mediaError('ERR_DECODE', name, 'damaged: a row group with an impossible number of rows')
    const digest = await ranges.digestOfEnd(metadata.metadata_length + 8)
    return { ...file, metadata, digest, columns: present }
  } finally {
    await ranges.close()
  }
}

async function readMetadata(
  library: Hyparquet,
  ranges: Ranges,
  name: string,
  { signal }: Fetching,
): Promise<FileMetaData> {
  // Times in statistics stay in the columns' own units, exactly.
  const itself = <T>(value: T): T => value
  const parsers = {
    timestampFromMilliseconds: itself<bigint>,
    timestampFromMicroseconds: itself<bigint>,
    timestampFromNanoseconds: itself<bigint>,
    dateFromDays: itself<number>,
  }
  return await library.parquetMetadataAsync(ranges.buffer, { parsers }).catch((error) => {
    signal?.throwIfAborted()
    throw error instanceof MediaError ? error : mediaError('ERR_DECODE', name, error)
  })
}

/** The rows of the row groups. The footer's total is not used: some writers leave 0 there. */
export function rowsOf({ row_groups: groups }: FileMetaData): number {
  return groups.reduce((sum, { num_rows: rows }) => sum + Number(rows), 0)
}

/** What identifies the contents of all files, in order. */
export function digestOf(tables: readonly TableFile[]): string {
  if (tables.length === 1) return tables[0]!.digest
  const hash = nodeCrypto().createHash('sha256')
  for (const { digest } of tables) hash.update(`${digest}\n`)
  return hash.digest('hex').slice(0, 16)
}
