import { badOption } from '../../check.ts'
import { SpindleError } from '../../errors.ts'
import type { ColumnBatch } from '../column-batch.ts'
import { type CsvDialect, CsvReader, fieldsOf } from './csv-reader.ts'
import type { CsvRecord } from './csv-split.ts'
import {
  ColumnBuilder,
  type CsvType,
  type CsvValue,
  type ReadField,
  readerOf,
  typeOfAll,
} from './csv-types.ts'
import type { RecordFile } from './record-files.ts'
import { nameOf } from './record-lines.ts'

/** Types by column name. */
export type CsvTypes = Readonly<Record<string, CsvType>>

/** A column that is given. */
interface CsvColumn {
  readonly name: string
  readonly type: CsvType
  readonly read: ReadField
}

/** How the fields of a table become values. */
export interface CsvTableOptions {
  readonly names?: readonly string[] | undefined
  readonly columns?: readonly string[] | undefined
  readonly types?: CsvTypes | 'infer' | undefined
  readonly nulls?: readonly string[] | undefined
  readonly maxFieldLength: number
}

/** Which fields of a file are the columns. */
interface Layout {
  /** Number of fields of a record. */
  readonly fields: number
  /** The field of each column. */
  readonly at: readonly number[]
}

/** A record, and where it is. */
export interface CsvPlace {
  readonly fields: readonly string[]
  readonly file: RecordFile
  readonly record: number
}

/** Records that `'infer'` looks at. */
const SAMPLE = 1000

/** The columns of a table, and where they are in each file. */
export class CsvTable {
  readonly columns: readonly CsvColumn[]
  readonly #layouts = new Map<RecordFile, Layout>()
  readonly #byDefault: Layout | undefined
  readonly #nulls: ReadonlySet<string> | undefined
  readonly #maxFieldLength: number
  readonly #delimiter: string
  /** Whether `row[name] = value` could set something else. */
  readonly #isOdd: boolean

  /** Reads the names of the columns, and their types if they are inferred. */
  static async open(
    files: readonly RecordFile[],
    dialect: CsvDialect,
    options: CsvTableOptions,
  ): Promise<CsvTable> {
    const { names, columns, types, nulls } = options
    let header: readonly string[] | undefined
    let sample: readonly (readonly string[])[] = []
    const file = files[0] as RecordFile
    if (names === undefined || types === 'infer') {
      // A copy of the file, because records are not counted here.
      const reader = new CsvReader({ ...file, count: undefined }, dialect, (fields) => {
        header = fields
      })
      try {
        const wanted = types === 'infer' ? SAMPLE : 1
        const records: CsvRecord[] = []
        while ((header === undefined || records.length < wanted) && (await reader.fill())) {
          records.push(...reader.lines.slice(0, wanted - records.length))
          if (types !== 'infer' && (header !== undefined || !dialect.hasHeader)) break
        }
        sample = records.map((record) => fieldsOf(record, dialect.delimiter))
      } finally {
        await reader.close()
      }
    }
    // Without names and without a header, columns are numbered.
    const all = names ?? header ?? sample[0]?.map((_, at) => `${at}`)
    if (all === undefined)
      throw new SpindleError('ERR_BAD_SOURCE', `${nameOf(file)} has no header: give \`names\``)
    checkNames(all, names === undefined ? nameOf(file) : undefined)
    const given = columns ?? all
    for (const [option, list] of [
      ['columns', given],
      ['types', typeof types === 'object' ? Object.keys(types) : []],
    ] as const)
      for (const name of list)
        if (!all.includes(name)) badOption(option, `made of ${all.join(', ')}`, name)
    const isNull = (text: string): boolean => nulls?.includes(text) ?? text === ''
    const typeOf = (name: string): CsvType => {
      if (types !== 'infer') return (Object.hasOwn(types ?? {}, name) && types?.[name]) || 'string'
      const texts = sample.map((fields) => fields[all.indexOf(name)] ?? '')
      return typeOfAll(texts.filter((text) => !isNull(text)))
    }
    const typed = given.map((name): CsvColumn => {
      const type = typeOf(name)
      return { name, type, read: readerOf(type) }
    })
    const byPlace = names !== undefined || !dialect.hasHeader
    return new CsvTable(typed, byPlace ? all : undefined, dialect, options)
  }

  private constructor(
    columns: readonly CsvColumn[],
    names: readonly string[] | undefined,
    { delimiter }: CsvDialect,
    { nulls, maxFieldLength }: CsvTableOptions,
  ) {
    this.columns = columns
    this.#delimiter = delimiter
    this.#nulls = nulls && new Set(nulls)
    this.#maxFieldLength = maxFieldLength
    this.#isOdd = columns.some(({ name }) => name === '__proto__')
    if (names !== undefined)
      this.#byDefault = {
        fields: names.length,
        at: columns.map(({ name }) => names.indexOf(name)),
      }
  }

  /** Takes the header of a file. With `names`, it is passed over. */
  setHeader(file: RecordFile, names: readonly string[]): void {
    if (this.#byDefault !== undefined) return
    checkNames(names, nameOf(file))
    const at = this.columns.map(({ name }) => names.indexOf(name))
    const missing = this.columns[at.indexOf(-1)]
    if (missing !== undefined)
      throw new SpindleError(
        'ERR_BAD_SOURCE',
        `${nameOf(file)} has no column ${JSON.stringify(missing.name)}`,
      )
    this.#layouts.set(file, { fields: names.length, at })
  }

  rowOf(line: CsvRecord, file: RecordFile, record: number): Readonly<Record<string, CsvValue>> {
    const fields = fieldsOf(line, this.#delimiter)
    const { at } = this.#layoutOf(fields, file, record)
    const row: Record<string, CsvValue> = {}
    for (let i = 0; i < at.length; i++) {
      const { name } = this.columns[i] as CsvColumn
      const value = this.#valueOf(i, fields[at[i] as number] as string, file, record)
      if (this.#isOdd)
        Object.defineProperty(row, name, {
          value,
          enumerable: true,
          configurable: true,
          writable: true,
        })
      else row[name] = value
    }
    return row
  }

  /**
   * The batches at `positions`.
   *
   * @param size number of all records, if it is known
   * @param pick reads the records at positions
   */
  async *batches(
    positions: Iterable<number>,
    batchRows: number,
    size: number | undefined,
    pick: (positions: Iterable<number>) => AsyncIterable<CsvPlace>,
  ): AsyncGenerator<ColumnBatch, void, void> {
    const ends: number[] = []
    function* rows(): Generator<number, void, void> {
      for (const position of positions) {
        const start = position * batchRows
        const end = Math.min(start + batchRows, size ?? Number.POSITIVE_INFINITY)
        ends.push(end - start)
        for (let row = start; row < end; row++) yield row
      }
    }
    const records = pick(rows())[Symbol.asyncIterator]()
    try {
      for (let isDone = false; !isDone; ) {
        let builders: ColumnBuilder[] | undefined
        for (let count = 0; builders === undefined || count < (ends[0] as number); count++) {
          // Records that are there come without a promise.
          const next = records.next() as unknown as IteratorResult<CsvPlace>
          const step = next instanceof Promise ? await next : next
          if (step.done === true) {
            isDone = true
            break
          }
          builders ??= this.columns.map(({ type }) => new ColumnBuilder(type, ends[0] as number))
          this.#add(step.value, builders)
        }
        ends.shift()
        if (builders === undefined) return
        const columns = builders.map((builder, at) => [this.columns[at]?.name, builder.finish()])
        yield Object.fromEntries(columns)
      }
    } finally {
      await records.return?.()
    }
  }

  #add({ fields, file, record }: CsvPlace, builders: readonly ColumnBuilder[]): void {
    const { at } = this.#layoutOf(fields, file, record)
    for (let i = 0; i < at.length; i++)
      builders[i]?.add(this.#valueOf(i, fields[at[i] as number] as string, file, record))
  }

  #layoutOf(fields: readonly string[], file: RecordFile, record: number): Layout {
    const layout = this.#byDefault ?? (this.#layouts.get(file) as Layout)
    if (fields.length !== layout.fields)
      throw new SpindleError(
        'ERR_BAD_RECORD',
        `${nameOf(file)}: record ${record} has ${fields.length} fields, and ${layout.fields} columns`,
      )
    return layout
  }

  #valueOf(column: number, text: string, file: RecordFile, record: number): CsvValue {
    const { name, type, read } = this.columns[column] as CsvColumn
    if (this.#nulls === undefined ? text === '' && type !== 'string' : this.#nulls.has(text))
      return null
    const value = read(text)
    if (value !== undefined && text.length <= this.#maxFieldLength) return value
    const place = `${nameOf(file)}: record ${record}: column ${JSON.stringify(name)}`
    if (text.length > this.#maxFieldLength)
      throw new SpindleError(
        'ERR_TOO_LARGE',
        `${place} has ${text.length} characters; \`maxFieldLength\` is ${this.#maxFieldLength}`,
      )
    throw new SpindleError(
      'ERR_BAD_RECORD',
      `${place} is no ${type}; set its type in \`types\`, or the text in \`nulls\``,
    )
  }
}

function checkNames(names: readonly string[], file: string | undefined): void {
  const seen = new Set<string>()
  for (const name of names) {
    if (seen.size !== seen.add(name).size) continue
    const problem = `two columns have the name ${JSON.stringify(name)}`
    if (file === undefined) badOption('names', 'without repeated names', name)
    throw new SpindleError('ERR_BAD_RECORD', `${file}: ${problem}: give \`names\``)
  }
}
