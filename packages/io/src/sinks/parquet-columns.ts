import { mustBe, type Rule } from 'spindle/options'
import { MediaError, printValue } from '../base/errors.ts'

/** Types of the columns of {@link parquetShards}. */
export type ParquetColumnType =
  | 'BOOLEAN'
  | 'INT32'
  | 'INT64'
  | 'FLOAT'
  | 'DOUBLE'
  | 'STRING'
  | 'BYTE_ARRAY'
  | 'TIMESTAMP'
  | 'JSON'

/** A column: one value per row, or a list of them: `{ list: 'FLOAT' }`. */
export type ParquetColumn = ParquetColumnType | { readonly list: ParquetColumnType }

/** A part of the schema of a Parquet file, as hyparquet-writer takes it. */
export interface SchemaElement {
  name: string
  type?: string
  converted_type?: string
  repetition_type?: string
  num_children?: number
}

/** What each type is in the file, and which values it takes. */
const TYPES: {
  readonly [T in ParquetColumnType]: {
    readonly element: { type: string; converted_type?: string }
    readonly rule: string
    readonly takes: (value: unknown) => boolean
  }
} = {
  BOOLEAN: {
    element: { type: 'BOOLEAN' },
    rule: 'true or false',
    takes: (value) => typeof value === 'boolean',
  },
  INT32: {
    element: { type: 'INT32' },
    rule: 'an integer of 32 bits',
    takes: (value) => typeof value === 'number' && (value | 0) === value,
  },
  INT64: {
    element: { type: 'INT64' },
    rule: 'a bigint of 64 bits, or a safe integer',
    takes: (value) =>
      typeof value === 'bigint' ? BigInt.asIntN(64, value) === value : Number.isSafeInteger(value),
  },
  FLOAT: {
    element: { type: 'FLOAT' },
    rule: 'a number',
    takes: (value) => typeof value === 'number',
  },
  DOUBLE: {
    element: { type: 'DOUBLE' },
    rule: 'a number',
    takes: (value) => typeof value === 'number',
  },
  STRING: {
    element: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
    rule: 'a text',
    takes: (value) => typeof value === 'string',
  },
  BYTE_ARRAY: {
    element: { type: 'BYTE_ARRAY' },
    rule: 'a Uint8Array',
    takes: (value) => value instanceof Uint8Array,
  },
  TIMESTAMP: {
    element: { type: 'INT64', converted_type: 'TIMESTAMP_MILLIS' },
    rule: 'a valid Date',
    takes: (value) => value instanceof Date && !Number.isNaN(value.getTime()),
  },
  JSON: {
    element: { type: 'BYTE_ARRAY', converted_type: 'JSON' },
    rule: 'a value that JSON has',
    takes: (value) => typeof value !== 'function' && typeof value !== 'symbol',
  },
}

/** The rule of `columns`. */
export const columnsRule: Rule<Readonly<Record<string, ParquetColumn>>, 'maybe'> = {
  rule: 'an object of types by name',
  settings: {},
  problem: (columns, option) => {
    if (typeof columns !== 'object' || columns === null || Object.keys(columns).length === 0)
      return mustBe(option, 'an object of types by name', columns)
    for (const [name, column] of Object.entries(columns as Record<string, unknown>)) {
      const type = (column as { list?: unknown } | null)?.list ?? column
      if (typeof type === 'string' && Object.hasOwn(TYPES, type)) continue
      const known = Object.keys(TYPES).join(', ')
      return mustBe(`${option}.${name}`, `one of ${known}, or { list: one of them }`, column)
    }
    return undefined
  },
}

/** The column of a value, for rows whose columns are not given. Numbers are doubles. */
export function columnOf(name: string, value: unknown): ParquetColumn | undefined {
  if (value === undefined || value === null) return undefined
  if (value instanceof Uint8Array) return 'BYTE_ARRAY'
  if (value instanceof Float32Array) return { list: 'FLOAT' }
  if (value instanceof Float64Array) return { list: 'DOUBLE' }
  if (value instanceof BigInt64Array) return { list: 'INT64' }
  if (ArrayBuffer.isView(value)) return { list: 'INT32' }
  if (value instanceof Date) return 'TIMESTAMP'
  switch (typeof value) {
    case 'string':
      return 'STRING'
    case 'number':
      return 'DOUBLE'
    case 'bigint':
      return 'INT64'
    case 'boolean':
      return 'BOOLEAN'
    case 'object': {
      if (!Array.isArray(value)) return 'JSON'
      const first = columnOf(
        name,
        value.find((entry) => entry !== null && entry !== undefined),
      )
      return typeof first === 'string' ? { list: first } : 'JSON'
    }
    default:
      throw new MediaError('ERR_BAD_OPTION', `column "${name}" cannot hold ${printValue(value)}`)
  }
}

/** Checks a value, and turns it into what the library takes. @throws MediaError `ERR_BAD_OPTION` */
export function cellOf(name: string, column: ParquetColumn, value: unknown): unknown {
  if (value === undefined || value === null) return null
  if (typeof column === 'string') return scalarOf(name, column, value)
  const isList = Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))
  if (!isList) throw refused(name, `a list`, value)
  return Array.from(value as ArrayLike<unknown>, (entry) =>
    entry === null || entry === undefined ? null : scalarOf(name, column.list, entry),
  )
}

function scalarOf(name: string, type: ParquetColumnType, value: unknown): unknown {
  const { takes, rule } = TYPES[type]
  if (!takes(value)) throw refused(name, rule, value)
  // Bytes are copied, because the row group is encoded later.
  if (type === 'BYTE_ARRAY') return Uint8Array.from(value as Uint8Array)
  return type === 'INT64' ? BigInt(value as number | bigint) : value
}

function refused(name: string, rule: string, value: unknown): MediaError {
  return new MediaError(
    'ERR_BAD_OPTION',
    `column "${name}" must have ${rule}, got ${printValue(value)}; see \`columns\``,
  )
}

/** The schema of columns. All may be null, as the first rows may be. */
export function schemaOf(columns: ReadonlyMap<string, ParquetColumn>): SchemaElement[] {
  const root = { name: 'root', num_children: columns.size }
  return [
    root,
    ...[...columns].flatMap(([name, column]): SchemaElement[] => {
      if (typeof column === 'string')
        return [{ name, repetition_type: 'OPTIONAL', ...TYPES[column].element }]
      return [
        { name, repetition_type: 'OPTIONAL', converted_type: 'LIST', num_children: 1 },
        { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
        { name: 'element', repetition_type: 'OPTIONAL', ...TYPES[column.list].element },
      ]
    }),
  ]
}

/** Approximate size of a cell in a file, in bytes. */
export function cellBytes(cell: unknown): number {
  if (cell === null) return 1
  if (typeof cell === 'string') return cell.length + 4
  if (cell instanceof Uint8Array) return cell.byteLength + 4
  if (Array.isArray(cell)) return cell.reduce((sum: number, entry) => sum + cellBytes(entry), 4)
  return typeof cell === 'object' ? JSON.stringify(cell).length : 8
}
