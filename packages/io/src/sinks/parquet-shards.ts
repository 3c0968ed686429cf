import { choice, func, integer, type Rules } from 'spindle/options'
import {
  type ShardEncoder,
  type ShardFormat,
  type ShardManifest,
  type ShardOptions,
  type ShardOutput,
  type Sink,
  shardRules,
  shardSink,
} from 'spindle/sinks'
import type { ObjectStore } from 'spindle/source'
import { MediaError, missingBackend, printValue } from '../base/errors.ts'
import { mediaOptions } from '../base/options.ts'
import {
  cellBytes,
  cellOf,
  columnOf,
  columnsRule,
  type ParquetColumn,
  schemaOf,
} from './parquet-columns.ts'

type Library = typeof import('hyparquet-writer')

/** Options of {@link parquetShards}. */
export interface ParquetShardOptions<T> extends ShardOptions {
  /**
   * Columns of the file and their types:
   * `{ id: 'INT64', text: 'STRING', embedding: { list: 'FLOAT' } }`. Default: those of the first
   * row group of each shard; numbers are doubles then, and objects JSON.
   */
  readonly columns?: Readonly<Record<string, ParquetColumn>>
  /** The rows of an item. Default: the item itself is one row. For batches: `(batch) => batch`. */
  readonly rows?: (item: T) => Iterable<Readonly<Record<string, unknown>>>
  /** Rows of one row group. An integer >= 1. Default 10 000. */
  readonly rowGroupRows?: number
  /** Compression of the columns. Default `'SNAPPY'`. */
  readonly codec?: 'SNAPPY' | 'UNCOMPRESSED'
}

const parquetOptions = mediaOptions('ParquetShardOptions', {
  ...shardRules,
  columns: columnsRule,
  rows: func(),
  rowGroupRows: integer({ min: 1, default: 10_000, unit: 'rows' }),
  codec: choice(['SNAPPY', 'UNCOMPRESSED'], { default: 'SNAPPY' }),
} satisfies Rules<ParquetShardOptions<unknown>>)

/**
 * A sink that writes rows as Parquet files, by the package hyparquet-writer.
 *
 * Shards, manifest and the state of the pipeline are committed together, as by `jsonlShards`. A row
 * group is encoded at a time, which takes some milliseconds of the event loop.
 *
 * @param place a folder, a URL that `openStore` takes (`s3://bucket/out`), or a store
 * @throws MediaError `ERR_BAD_OPTION`, also while writing for a value that its column does not
 *   take; `ERR_BACKEND_MISSING` without hyparquet-writer, when the pipeline begins to write
 */
export function parquetShards<T = Readonly<Record<string, unknown>>>(
  place: string | URL | ObjectStore,
  options: ParquetShardOptions<T> = {},
): Sink<T, ShardManifest> {
  const { rowGroupRows, codec } = parquetOptions.check(options)
  const { columns, rows, rowGroupRows: _, codec: __, ...rest } = options
  let library: Library
  const format: ShardFormat<T> = {
    kind: 'parquet',
    extension: '.parquet',
    encoder: (output) =>
      new ParquetEncoder(output, library, { columns, rows, rowGroupRows, codec }),
  }
  const sink = shardSink(place, format, rest)
  return {
    ...sink,
    open: async (opening) => {
      library ??= await import('hyparquet-writer').catch((error) => {
        throw missingBackend('parquet', 'hyparquet-writer', error)
      })
      return await sink.open(opening)
    },
  }
}

interface EncoderPlan<T> {
  readonly columns: Readonly<Record<string, ParquetColumn>> | undefined
  readonly rows: ((item: T) => Iterable<Readonly<Record<string, unknown>>>) | undefined
  readonly rowGroupRows: number
  readonly codec: 'SNAPPY' | 'UNCOMPRESSED'
}

/** Gathers rows to row groups. */
class ParquetEncoder<T> implements ShardEncoder<T> {
  readonly #output: ShardOutput
  readonly #library: Library
  readonly #plan: EncoderPlan<T>
  #file: InstanceType<Library['ParquetWriter']> | undefined
  /** What the file wrote and the shard has not. */
  #writer: InstanceType<Library['ByteWriter']> | undefined
  /** The columns of the file, when they are known. */
  #columns: Map<string, ParquetColumn> | undefined
  /** Rows of the current group, before the columns are known. */
  #rows: Readonly<Record<string, unknown>>[] = []
  /** Cells of the current group, by column. */
  #cells: Map<string, unknown[]> = new Map()
  #count = 0
  keptBytes = 0

  constructor(output: ShardOutput, library: Library, plan: EncoderPlan<T>) {
    this.#output = output
    this.#library = library
    this.#plan = plan
    if (plan.columns !== undefined) this.#begin(new Map(Object.entries(plan.columns)))
  }

  add(item: T): number {
    const { rows, rowGroupRows } = this.#plan
    const found = rows === undefined ? [item] : Array.from(rows(item))
    const cells = found.map((row) => this.#cellsOf(row))
    for (const [at, row] of cells.entries()) {
      if (row === undefined) this.#rows.push(found[at] as Readonly<Record<string, unknown>>)
      else this.#keep(row)
    }
    this.#count += found.length
    if (this.#count >= rowGroupRows) this.#close()
    return found.length
  }

  finish(): void {
    this.#close()
    if (this.#columns === undefined) this.#begin(new Map())
    this.#file?.finish()
    this.#flush()
  }

  /** The cells of a row, checked; `undefined` while the columns are not known. */
  #cellsOf(row: unknown): (readonly [string, unknown])[] | undefined {
    if (typeof row !== 'object' || row === null)
      throw new MediaError('ERR_BAD_OPTION', `a row must be an object, got ${printValue(row)}`)
    const columns = this.#columns
    for (const [name, value] of Object.entries(row)) {
      if (columns === undefined) columnOf(name, value)
      else if (!columns.has(name) && value !== undefined)
        throw new MediaError(
          'ERR_BAD_OPTION',
          `a row has the column "${name}", which the file does not have; see \`columns\``,
        )
    }
    if (columns === undefined) {
      this.keptBytes += 64 * Object.keys(row).length
      return undefined
    }
    const values = row as Readonly<Record<string, unknown>>
    return [...columns].map(([name, column]) => [name, cellOf(name, column, values[name])])
  }

  #keep(cells: readonly (readonly [string, unknown])[]): void {
    for (const [name, cell] of cells) {
      this.#cells.get(name)?.push(cell)
      this.keptBytes += cellBytes(cell)
    }
  }

  #begin(columns: Map<string, ParquetColumn>): void {
    const { ByteWriter, ParquetWriter } = this.#library
    this.#columns = columns
    for (const name of columns.keys()) this.#cells.set(name, [])
    const schema = schemaOf(columns) as never
    this.#writer = new ByteWriter()
    this.#file = new ParquetWriter({ writer: this.#writer, schema, codec: this.#plan.codec })
  }

  /** Finds the columns of the first row group. */
  #infer(): void {
    const columns = new Map<string, ParquetColumn>()
    for (const row of this.#rows)
      for (const [name, value] of Object.entries(row)) {
        const column = columns.get(name) ?? columnOf(name, value)
        if (column !== undefined) columns.set(name, column)
      }
    this.#begin(columns)
    const rows = this.#rows
    this.#rows = []
    this.keptBytes = 0
    for (const row of rows) this.#keep(this.#cellsOf(row) as (readonly [string, unknown])[])
  }

  /** Encodes the row group. */
  #close(): void {
    if (this.#count === 0) return
    if (this.#columns === undefined) this.#infer()
    const columnData = [...this.#cells].map(([name, data]) => ({ name, data }))
    this.#file?.write({ columnData, rowGroupSize: this.#count })
    for (const name of this.#cells.keys()) this.#cells.set(name, [])
    this.#count = 0
    this.keptBytes = 0
    this.#flush()
  }

  #flush(): void {
    const writer = this.#writer
    if (writer === undefined) return
    this.#output.push(Uint8Array.from(writer.getBytes()))
    writer.index = 0
  }
}
