import { MediaError, mediaError, withSource } from '../../base/errors.ts'
import { codecs, GroupBudget, type ParquetDecompressors } from './codecs.ts'
import { type FilePiece, fileOf } from './columns/file-pieces.ts'
import { type GroupPlan, GroupReader, sizeOf, type TableGroup } from './columns/read-groups.ts'
import { guardedFile } from './guarded-file.ts'
import type { Hyparquet } from './hyparquet.ts'

/**
 * A row: values by column name, as `hyparquet` returns them. 64-bit integers are `bigint`s, times
 * are `Date`s.
 */
export type ParquetRow = Readonly<Record<string, unknown>>

/** The rows to read, and how. */
export interface RowPlan extends GroupPlan {
  readonly groups: readonly TableGroup[]
  readonly library: Hyparquet
  readonly decompressors: ParquetDecompressors
  readonly readAheadBytes: number
  readonly signal: AbortSignal | undefined
  /** Of a source with a filter: rows of each row group that fulfil it, as far as they are known. */
  readonly counts: (number | undefined)[]
}

/**
 * Reads the rows at `positions`. The row group of a position is read, and kept until another one is
 * needed; the bytes of the next ones are read ahead.
 */
export async function* readRows(
  positions: Iterable<number>,
  plan: RowPlan,
): AsyncGenerator<ParquetRow, void, void> {
  const groups = new RowGroups(plan)
  try {
    let rows: readonly ParquetRow[] = []
    let first = 0
    for (const position of positions) {
      plan.signal?.throwIfAborted()
      if (position < first || position >= first + rows.length) {
        const found = await groups.find(position)
        if (found === undefined) return
        ;({ rows, first } = found)
      }
      yield rows[position - first]!
    }
  } finally {
    await groups.close()
  }
}

/** The rows of a row group, and the position of the first one. */
interface FoundRows {
  readonly first: number
  readonly rows: readonly ParquetRow[]
}

class RowGroups {
  readonly #plan: RowPlan
  readonly #reader: GroupReader
  /** Bytes that are read ahead, by the number of the row group. */
  readonly #ahead = new Map<number, Promise<FilePiece[]>>()
  #last = -1

  constructor(plan: RowPlan) {
    this.#plan = plan
    this.#reader = new GroupReader({ ...plan, columns: [] })
  }

  /** `undefined` behind the last row. */
  async find(position: number): Promise<FoundRows | undefined> {
    const { groups, filter, counts } = this.#plan
    if (filter === undefined) {
      const at = groups.findLastIndex(({ start }) => start <= position)
      return { first: groups[at]!.start, rows: await this.#read(at) }
    }
    for (let at = 0, first = 0; at < groups.length; at++) {
      let count = counts[at]
      if (count !== undefined && position >= first + count) {
        first += count
        continue
      }
      const { picked } = await this.#reader.read(groups[at]!)
      count = picked!.length
      counts[at] = count
      if (position < first + count) {
        const rows = await this.#read(at)
        return { first, rows: Array.from(picked!, (row) => rows[row]!) }
      }
      first += count
    }
    return undefined
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#ahead.values())
    await this.#reader.close()
  }

  async #read(at: number): Promise<ParquetRow[]> {
    const { groups, library, columns, decompressors, maxGroupBytes, signal } = this.#plan
    const { file, group, rows } = groups[at]!
    const budget = new GroupBudget(maxGroupBytes)
    try {
      budget.takeRows(rows)
      const pieces = this.#ahead.get(at) ?? this.#reader.fetch(groups[at]!, columns)
      this.#ahead.delete(at)
      this.#readAhead(at)
      const found = await library.parquetReadObjects({
        file: guardedFile(fileOf(await pieces), group, [...columns], budget),
        metadata: { ...file.metadata, row_groups: [group] },
        compressors: codecs(decompressors, budget),
        columns: [...columns],
        rowStart: 0,
        rowEnd: rows,
      })
      if (found.length < rows)
        throw new MediaError(
          'ERR_DECODE',
          `damaged: a row group has ${found.length} rows and says more`,
        )
      return found
    } catch (error) {
      signal?.throwIfAborted()
      throw error instanceof MediaError
        ? withSource(error, file.name)
        : mediaError(isUnsupported(error) ? 'ERR_UNSUPPORTED' : 'ERR_DECODE', file.name, error)
    }
  }

  /** Reads the bytes of the next row groups, while they are taken in order. */
  #readAhead(at: number): void {
    const { groups, columns, readAheadBytes, filter } = this.#plan
    const isInOrder = at === this.#last + 1 && filter === undefined
    this.#last = at
    let bytes = 0
    for (const next of this.#ahead.keys()) {
      if (next <= at || !isInOrder) this.#ahead.delete(next)
      else bytes += sizeOf(groups[next]!, columns)
    }
    if (!isInOrder) return
    for (let next = at + 1; next < groups.length; next++) {
      if (this.#ahead.has(next)) continue
      bytes += sizeOf(groups[next]!, columns)
      if (bytes > readAheadBytes) return
      const pieces = this.#reader.fetch(groups[next]!, columns)
      pieces.catch(() => undefined) // reported when the row group is needed
      this.#ahead.set(next, pieces)
    }
  }
}

/** Whether the library reports an unsupported feature: an encoding, a type, another file. */
function isUnsupported(error: unknown): boolean {
  return error instanceof Error && /unsupported|not supported|unhandled type/i.test(error.message)
}
