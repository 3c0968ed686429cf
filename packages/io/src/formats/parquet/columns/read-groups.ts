import { fileURLToPath } from 'node:url'
import type { RowGroup } from 'hyparquet'
import { MediaError, mediaError, withSource } from '../../../base/errors.ts'
import type { TableFile } from '../open-table.ts'
import { openRanges, type Ranges } from '../ranges.ts'
import type { ColumnForm } from './column-form.ts'
import { emptyColumn } from './convert.ts'
import type { ColumnJob, GroupJob, GroupResult } from './decode-group.ts'
import { checkSpan, type FilePiece, type FileSpan } from './file-pieces.ts'
import type { RawColumn } from './raw-column.ts'
import { columnsOf, type Filter } from './where.ts'

/** Decodes columns: in a thread, or here. */
export type DecodeGroup = (job: GroupJob, signal: AbortSignal | undefined) => Promise<GroupResult>

/** A row group to read, and where its rows are among all. */
export interface TableGroup {
  readonly file: TableFile
  readonly group: RowGroup
  readonly forms: ReadonlyMap<string, ColumnForm>
  readonly start: number
  readonly rows: number
}

/** The columns of a row group. */
export interface DecodedGroup {
  readonly columns: readonly RawColumn[]
  /** The rows that they are, of a source with a filter. */
  readonly picked: Int32Array | undefined
}

/** What is read of each row group. */
export interface GroupPlan {
  readonly columns: readonly string[]
  readonly filter: Filter | undefined
  readonly maxGroupBytes: number
  readonly decode: DecodeGroup
  /** Whether `decode` works in this thread, which must not wait for files. */
  readonly isHere: boolean
}

/** Bytes that one thread decodes at a time; more are divided by columns. */
const BUNDLE_BYTES = 4 * 2 ** 20
/** Ranges of a row group that are read at the same time. */
const LANES = 8

/** Reads and decodes row groups. Files stay open until `close()`. */
export class GroupReader {
  readonly #plan: GroupPlan
  readonly #files = new Map<TableFile, Promise<Ranges>>()

  constructor(plan: GroupPlan) {
    this.#plan = plan
  }

  get openFiles(): number {
    return this.#files.size
  }

  async read(table: TableGroup): Promise<DecodedGroup> {
    const { filter, columns } = this.#plan
    const { name, fetching } = table.file
    try {
      if (filter === undefined)
        return { columns: await this.#decode(table, columns, undefined), picked: undefined }
      return await this.#readMatching(table, filter, columns)
    } catch (error) {
      fetching.signal?.throwIfAborted()
      throw error instanceof MediaError
        ? withSource(error, name)
        : mediaError('ERR_DECODE', name, error)
    }
  }

  /** Reads the columns of the filter first, and others only for rows that fulfil it. */
  async #readMatching(
    table: TableGroup,
    filter: Filter,
    columns: readonly string[],
  ): Promise<DecodedGroup> {
    const first = columnsOf(filter)
    const job = await this.#jobOf(table, first)
    const { signal } = table.file.fetching
    const { columns: found, picked = new Int32Array(0) } = await this.#plan.decode(
      { ...job, filter },
      signal,
    )
    const byName = new Map(found.map((column, at) => [first[at]!, column]))
    const rest = picked.length === 0 ? [] : columns.filter((name) => !byName.has(name))
    const decoded = await this.#decode(table, rest, picked)
    for (const [at, column] of decoded.entries()) byName.set(rest[at]!, column)
    const none = (name: string): RawColumn => emptyColumn(table.forms.get(name)!)
    return { picked, columns: columns.map((name) => byName.get(name) ?? none(name)) }
  }

  /** Decodes columns, large ones in several threads. */
  async #decode(
    table: TableGroup,
    columns: readonly string[],
    picked: Int32Array | undefined,
  ): Promise<RawColumn[]> {
    if (columns.length === 0) return []
    const { signal } = table.file.fetching
    const results = await Promise.all(
      bundles(table, columns).map(async (bundle) => {
        const job = await this.#jobOf(table, bundle)
        return await this.#plan.decode({ ...job, picked }, signal)
      }),
    )
    return results.flatMap((result) => result.columns)
  }

  async #jobOf(table: TableGroup, columns: readonly string[]): Promise<GroupJob> {
    const { file, group, rows, forms } = table
    const wanted = columns.map((name) => chunksOf(group, name))
    const path = this.#plan.isHere ? undefined : pathOf(file.place)
    const pieces = path === undefined ? await this.#fetch(file, wanted.flat()) : undefined
    let at = 0
    const jobs = columns.map((name, index): ColumnJob => {
      const spans = wanted[index]!
      at += spans.length
      const form = forms.get(name)!
      const own = pieces && { pieces: pieces.slice(at - spans.length, at) }
      return { form, codec: spans[0]!.codec, spans, ...own }
    })
    const metadata = {
      ...file.metadata,
      row_groups: [slim(group, columns)],
      num_rows: BigInt(rows),
    }
    delete metadata.key_value_metadata
    const { maxGroupBytes } = this.#plan
    return { columns: jobs, rows, ...(path && { path }), maxGroupBytes, metadata }
  }

  /** The bytes of columns. */
  async fetch({ file, group }: TableGroup, columns: readonly string[]): Promise<FilePiece[]> {
    return await this.#fetch(
      file,
      columns.flatMap((name) => chunksOf(group, name)),
    )
  }

  /** The bytes of chunks, each with memory of its own, so that they move to a thread. */
  async #fetch(file: TableFile, chunks: readonly Chunk[]): Promise<FilePiece[]> {
    const ranges = await this.#open(file)
    const pieces: FilePiece[] = []
    let next = 0
    const lane = async (): Promise<void> => {
      while (next < chunks.length) {
        const at = next++
        const { start, end } = chunks[at]!
        checkSpan({ start, end }, ranges.buffer.byteLength)
        pieces[at] = { start, bytes: new Uint8Array(await ranges.buffer.slice(start, end)) }
      }
    }
    await Promise.all(Array.from({ length: Math.min(LANES, chunks.length) }, lane))
    return pieces
  }

  async #open(file: TableFile): Promise<Ranges> {
    let ranges = this.#files.get(file)
    if (ranges === undefined) {
      ranges = openRanges(file.place, file.fetching)
      this.#files.set(file, ranges)
    }
    return await ranges
  }

  /** Closes files. Those of `keep` stay open. */
  async close(keep: ReadonlySet<TableFile> = new Set()): Promise<void> {
    for (const [file, ranges] of this.#files) {
      if (keep.has(file)) continue
      this.#files.delete(file)
      await ranges.then(
        (opened) => opened.close(),
        () => undefined,
      )
    }
  }
}

interface Chunk extends FileSpan {
  readonly codec: string
}

/** The path of a local file. */
function pathOf(place: string | URL): string | undefined {
  if (typeof place === 'string') return place
  return place.protocol === 'file:' ? fileURLToPath(place) : undefined
}

function chunksOf({ columns }: RowGroup, name: string): Chunk[] {
  const chunks = columns.flatMap(({ meta_data: facts }): Chunk[] => {
    if (facts?.path_in_schema[0] !== name) return []
    const start = Number(facts.dictionary_page_offset || facts.data_page_offset)
    return [{ start, end: start + Number(facts.total_compressed_size), codec: facts.codec }]
  })
  if (chunks.length === 0)
    throw new MediaError('ERR_DECODE', `damaged: a row group without the column "${name}"`)
  return chunks
}

/** Without what is not needed, because a message copies it. */
function slim(group: RowGroup, columns: readonly string[]): RowGroup {
  return {
    ...group,
    columns: group.columns.filter(({ meta_data: facts }) =>
      columns.includes(facts?.path_in_schema[0] ?? ''),
    ),
  }
}

function bundles(table: TableGroup, columns: readonly string[]): string[][] {
  const all: string[][] = [[]]
  let bytes = 0
  for (const name of columns) {
    const own = chunksOf(table.group, name).reduce((sum, { start, end }) => sum + end - start, 0)
    if (bytes > 0 && bytes + own > BUNDLE_BYTES) {
      all.push([])
      bytes = 0
    }
    all.at(-1)!.push(name)
    bytes += own
  }
  return all
}

/** Memory that a row group needs: its columns, decompressed. */
export function sizeOf({ group }: TableGroup, columns: readonly string[]): number {
  return group.columns.reduce(
    (sum, { meta_data: facts }) =>
      facts !== undefined && columns.includes(facts.path_in_schema[0]!)
        ? sum + Math.max(0, Number(facts.total_uncompressed_size))
        : sum,
    0,
  )
}
