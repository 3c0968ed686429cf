import type { FileMetaData, SchemaElement, SchemaTree } from 'hyparquet'
import type { ColumnMeaning } from 'spindle/source'
import type { Hyparquet } from '../hyparquet.ts'
import type { RawDType } from './raw-column.ts'
import { type PhysicalType, TYPE_BYTES } from './values.ts'

/** How a column is stored, and what it becomes. */
export interface ColumnForm {
  readonly name: string
  /** `other`: structures, maps and lists of lists, which the library reads. */
  readonly kind: 'flat' | 'list' | 'other'
  readonly type: PhysicalType
  /** Bytes of one value in a file; 0 for texts. */
  readonly size: number
  /** Numbers of one value in memory, while it is read. */
  readonly width: number
  /** What is made of the bytes of each value afterwards. */
  readonly convert?: 'int96' | 'decimal' | undefined
  readonly dtype: RawDType
  readonly meaning: ColumnMeaning | undefined
  readonly maxDefinition: number
  readonly maxRepetition: number
  /** Of lists: the definition level from which on there is an item. */
  readonly itemLevel: number
}

/** The forms of all columns of a file, by name. */
export function formsOf(library: Hyparquet, metadata: FileMetaData): Map<string, ColumnForm> {
  const { children } = library.parquetSchema(metadata)
  return new Map(children.map((node) => [node.element.name, formOf(node)]))
}

function formOf(node: SchemaTree): ColumnForm {
  const { name } = node.element
  const path = pathTo(node)
  const leaf = path?.at(-1)?.element
  const kind = path === undefined || leaf === undefined ? 'other' : kindOf(path)
  const stored = leaf && kind !== 'other' ? storedAs(leaf) : undefined
  if (path === undefined || stored === undefined)
    return { ...OTHER, name, maxDefinition: 0, maxRepetition: 0 }
  let level = 0
  let itemLevel = 0
  for (const { element } of path) {
    if (element.repetition_type !== 'REQUIRED') level++
    if (element.repetition_type === 'REPEATED') itemLevel = level
  }
  return {
    name,
    kind,
    ...stored,
    maxDefinition: level,
    maxRepetition: kind === 'list' ? 1 : 0,
    itemLevel,
  }
}

const OTHER = {
  kind: 'other',
  type: 'BYTE_ARRAY',
  size: 0,
  width: 1,
  dtype: 'object',
  meaning: undefined,
  itemLevel: 0,
} as const

/** The nodes down to the only leaf; `undefined` if there are several. */
function pathTo(node: SchemaTree): SchemaTree[] | undefined {
  const path = [node]
  for (let at = node; at.children.length > 0; path.push(at)) {
    if (at.children.length > 1) return undefined
    at = at.children[0]!
  }
  return path
}

function kindOf(path: readonly SchemaTree[]): ColumnForm['kind'] {
  const [first, second, third] = path.map(({ element }) => element)
  const isRepeated = (element: SchemaElement | undefined): boolean =>
    element?.repetition_type === 'REPEATED'
  if (path.length === 1) return isRepeated(first) ? 'list' : 'flat'
  const isList = first?.converted_type === 'LIST' || first?.logical_type?.type === 'LIST'
  if (!isList || isRepeated(first) || !isRepeated(second)) return 'other'
  if (path.length === 2) return 'list'
  // By the format's rule for old files, these names stand for a structure of one field.
  const isStructure = second?.name === 'array' || second?.name === `${first?.name}_tuple`
  return path.length === 3 && !isRepeated(third) && !isStructure ? 'list' : 'other'
}

type Stored = Pick<ColumnForm, 'type' | 'size' | 'width' | 'dtype' | 'meaning' | 'convert'>

/** What a leaf becomes; `undefined` for what the library reads. */
function storedAs(element: SchemaElement): Stored | undefined {
  const { logical_type: logical, converted_type: converted, type_length: length = 0 } = element
  const type = element.type as PhysicalType
  const as = (dtype: RawDType, meaning?: ColumnMeaning, more: Partial<Stored> = {}): Stored => ({
    type,
    size: TYPE_BYTES[type] ?? 0,
    width: 1,
    dtype,
    meaning,
    ...more,
  })
  const decimal = decimalOf(element)
  switch (type) {
    case 'BOOLEAN':
      return as('bool')
    case 'FLOAT':
      return as('float32')
    case 'DOUBLE':
      return as('float64')
    case 'INT96':
      return as('uint8', INT96_TIME, { width: 12, convert: 'int96' })
    case 'INT32':
      if (decimal !== undefined) return as('int32', decimal)
      if (converted === 'DATE' || logical?.type === 'DATE')
        return as('int32', { type: 'date', unit: 'day' })
      return as(integerOf(element, 'int32'), timeOf(element))
    case 'INT64':
      if (decimal !== undefined) return as('int64', decimal)
      return as(integerOf(element, 'int64'), timeOf(element) ?? timestampOf(element))
    case 'BYTE_ARRAY':
      if (decimal !== undefined) return as('bytes', decimal, { convert: 'decimal' })
      if (converted === 'BSON' || /^GEO|^VARIANT/.test(logical?.type ?? '')) return undefined
      return as(isText(element) ? 'text' : 'bytes')
    case 'FIXED_LEN_BYTE_ARRAY':
      if (length < 1 || converted === 'INTERVAL') return undefined
      if (logical?.type === 'FLOAT16')
        return length === 2 ? as('float16', undefined, { size: 2 }) : undefined
      return as('uint8', decimal, {
        size: length,
        width: length,
        convert: decimal === undefined ? undefined : 'decimal',
      })
    default:
      return undefined
  }
}

const INT96_TIME: ColumnMeaning = { type: 'timestamp', unit: 'ns', isUtc: false }

function integerOf(
  { converted_type: converted, logical_type: logical }: SchemaElement,
  byDefault: 'int32' | 'int64',
): RawDType {
  if (logical?.type === 'INTEGER')
    return `${logical.isSigned ? '' : 'u'}int${logical.bitWidth}` as RawDType
  const [, unsigned, bits] = /^(U?)INT_(\d+)$/.exec(converted ?? '') ?? []
  return bits === undefined ? byDefault : (`${unsigned ? 'u' : ''}int${bits}` as RawDType)
}

const UNITS = { MILLIS: 'ms', MICROS: 'us', NANOS: 'ns' } as const

function timestampOf({
  converted_type: converted,
  logical_type: logical,
}: SchemaElement): ColumnMeaning | undefined {
  if (logical?.type === 'TIMESTAMP')
    return { type: 'timestamp', unit: UNITS[logical.unit], isUtc: logical.isAdjustedToUTC }
  const [, unit] = /^TIMESTAMP_(MILLIS|MICROS)$/.exec(converted ?? '') ?? []
  return unit === undefined
    ? undefined
    : { type: 'timestamp', unit: UNITS[unit as 'MILLIS'], isUtc: true }
}

function timeOf({
  converted_type: converted,
  logical_type: logical,
}: SchemaElement): ColumnMeaning | undefined {
  if (logical?.type === 'TIME') return { type: 'time', unit: UNITS[logical.unit] }
  const [, unit] = /^TIME_(MILLIS|MICROS)$/.exec(converted ?? '') ?? []
  return unit === undefined ? undefined : { type: 'time', unit: UNITS[unit as 'MILLIS'] }
}

function decimalOf(element: SchemaElement): ColumnMeaning | undefined {
  const { logical_type: logical } = element
  if (logical?.type === 'DECIMAL')
    return { type: 'decimal', precision: logical.precision, scale: logical.scale }
  if (element.converted_type !== 'DECIMAL') return undefined
  return { type: 'decimal', precision: element.precision ?? 0, scale: element.scale ?? 0 }
}

function isText({ converted_type: converted, logical_type: logical }: SchemaElement): boolean {
  return (
    converted === 'UTF8' ||
    converted === 'ENUM' ||
    converted === 'JSON' ||
    logical?.type === 'STRING' ||
    logical?.type === 'ENUM' ||
    logical?.type === 'JSON'
  )
}
