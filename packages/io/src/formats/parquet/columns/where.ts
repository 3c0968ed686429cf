import type { ColumnMeaning } from 'spindle/source'
import { badOption } from '../../../base/errors.ts'
import type { ColumnForm } from './column-form.ts'
import type { RawColumn } from './raw-column.ts'
import { dictionaryOf, textsOf } from './texts.ts'

/** A value of a condition. */
export type ParquetValue = number | bigint | string | boolean | Date | null

/** Conditions of one column, all of which must hold. A null fulfils only what allows `null`. */
export interface ParquetCondition {
  readonly $eq?: ParquetValue
  readonly $ne?: ParquetValue
  readonly $lt?: ParquetValue
  readonly $lte?: ParquetValue
  readonly $gt?: ParquetValue
  readonly $gte?: ParquetValue
  readonly $in?: readonly ParquetValue[]
  readonly $nin?: readonly ParquetValue[]
}

/**
 * Which rows are wanted, in the form of MongoDB's and hyparquet's filters:
 * `{ split: 'train', id: { $gte: 10, $lt: 20 } }`. Conditions of several columns must all hold;
 * `$and`, `$or` and `$nor` combine filters.
 */
export type ParquetWhere =
  | { readonly $and: readonly ParquetWhere[] }
  | { readonly $or: readonly ParquetWhere[] }
  | { readonly $nor: readonly ParquetWhere[] }
  | { readonly [column: string]: ParquetValue | ParquetCondition }

const OPERATORS = ['$eq', '$ne', '$lt', '$lte', '$gt', '$gte', '$in', '$nin'] as const
type Operator = (typeof OPERATORS)[number]

/** A filter, checked, as data that threads get. */
export type Filter =
  | { readonly all: readonly Filter[] }
  | { readonly any: readonly Filter[] }
  | { readonly none: readonly Filter[] }
  | Test

/** A condition of a column, its value in the column's own unit. */
export interface Test {
  readonly column: string
  readonly operator: Operator
  readonly value: Plain | readonly Plain[]
}

export type Plain = number | bigint | string | boolean | null

const RULE =
  'an object of conditions by column, as { id: { $gte: 10 } }, or { $and | $or | $nor: [filters] }'

/**
 * Checks a filter.
 *
 * @throws MediaError `ERR_BAD_OPTION`
 */
export function filterOf(
  where: unknown,
  forms: ReadonlyMap<string, ColumnForm>,
  option = 'where',
  depth = 0,
): Filter {
  if (typeof where !== 'object' || where === null || Array.isArray(where) || depth > 32)
    throw badOption(option, RULE, where)
  const entries = Object.entries(where)
  const parts = entries.flatMap(([name, given]): Filter[] => {
    const path = `${option}.${name}`
    if (name !== '$and' && name !== '$or' && name !== '$nor')
      return testsOf(name, given, forms, path)
    if (!Array.isArray(given) || given.length === 0)
      throw badOption(path, 'an array of at least one filter', given)
    const filters = given.map((one, at) => filterOf(one, forms, `${path}[${at}]`, depth + 1))
    if (name === '$and') return filters
    return [name === '$or' ? { any: filters } : { none: filters }]
  })
  return parts.length === 1 ? parts[0]! : { all: parts }
}

function testsOf(
  column: string,
  given: unknown,
  forms: ReadonlyMap<string, ColumnForm>,
  option: string,
): Test[] {
  const form = forms.get(column)
  if (form === undefined)
    throw badOption(option, `a column: ${[...forms.keys()].join(', ')}`, column)
  const isNumber = form.convert !== undefined || form.width === 1
  const isOther = form.dtype === 'float16' || (form.dtype === 'bytes' && !form.convert)
  if (form.kind !== 'flat' || !isNumber || isOther)
    throw badOption(option, 'a column of numbers, texts, times or booleans', column)
  if (typeof given !== 'object' || given === null || given instanceof Date)
    return [{ column, operator: '$eq', value: plainOf(given, form, option) }]
  return Object.entries(given).map(([operator, value]): Test => {
    const path = `${option}.${operator}`
    if (!OPERATORS.includes(operator as Operator))
      throw badOption(option, `made of ${OPERATORS.join(', ')}`, operator)
    if (operator !== '$in' && operator !== '$nin')
      return { column, operator: operator as Operator, value: plainOf(value, form, path) }
    if (!Array.isArray(value)) throw badOption(path, 'an array of values', value)
    const values = value.map((one, at) => plainOf(one, form, `${path}[${at}]`))
    return { column, operator, value: values }
  })
}

function plainOf(value: unknown, { dtype, meaning }: ColumnForm, option: string): Plain {
  if (value === null) return null
  const isTime = meaning?.type === 'timestamp' || meaning?.type === 'date'
  if (value instanceof Date && isTime && !Number.isNaN(value.getTime()))
    return timeIn(value, meaning)
  if (dtype === 'text') {
    if (typeof value === 'string') return value
    throw badOption(option, 'a text, or null', value)
  }
  if (dtype === 'bool') {
    if (typeof value === 'boolean') return value
    throw badOption(option, 'true, false or null', value)
  }
  if (typeof value === 'bigint' || (typeof value === 'number' && !Number.isNaN(value))) return value
  throw badOption(option, isTime ? 'a Date, a number or null' : 'a number, or null', value)
}

function timeIn(time: Date, meaning: ColumnMeaning): number | bigint {
  const ms = time.getTime()
  if (meaning.type === 'date') return ms / 86_400_000
  const factor = { s: 1n, ms: 1n, us: 1000n, ns: 1_000_000n }
  return BigInt(ms) * factor[(meaning as { unit: 'ms' }).unit]
}

/** The columns that a filter looks at. */
export function columnsOf(filter: Filter): string[] {
  if ('column' in filter) return [filter.column]
  const parts = 'all' in filter ? filter.all : 'any' in filter ? filter.any : filter.none
  return [...new Set(parts.flatMap(columnsOf))]
}

/** The rows that a filter takes, in ascending order. */
export function matching(
  filter: Filter,
  columns: ReadonlyMap<string, RawColumn>,
  rows: number,
): Int32Array {
  const mask = maskOf(filter, columns, rows)
  let count = 0
  for (let i = 0; i < rows; i++) count += mask[i]!
  const found = new Int32Array(count)
  for (let i = 0, at = 0; i < rows; i++) if (mask[i] === 1) found[at++] = i
  return found
}

function maskOf(filter: Filter, columns: ReadonlyMap<string, RawColumn>, rows: number): Uint8Array {
  if ('column' in filter) return testMask(filter, columns.get(filter.column)!, rows)
  if ('all' in filter) {
    const mask = new Uint8Array(rows).fill(1)
    for (const part of filter.all) {
      const own = maskOf(part, columns, rows)
      for (let i = 0; i < rows; i++) mask[i]! &= own[i]!
    }
    return mask
  }
  const parts = 'any' in filter ? filter.any : filter.none
  const mask = new Uint8Array(rows)
  for (const part of parts) {
    const own = maskOf(part, columns, rows)
    for (let i = 0; i < rows; i++) mask[i]! |= own[i]!
  }
  if ('none' in filter) for (let i = 0; i < rows; i++) mask[i] = 1 - mask[i]!
  return mask
}

function testMask(test: Test, column: RawColumn, rows: number): Uint8Array {
  const passes = passing(test)
  const mask = new Uint8Array(rows)
  const { valid, indices } = column
  if (indices !== undefined) {
    // A test for each word of the dictionary instead of one for each row.
    const words = dictionaryOf(column).map(passes)
    const ofNull = passes(null)
    for (let i = 0; i < rows; i++) mask[i] = (indices[i]! < 0 ? ofNull : words[indices[i]!]) ? 1 : 0
    return mask
  }
  const values =
    column.dtype === 'text' ? textsOf(column, 0, rows) : (column.data as unknown as Plain[])
  const isBool = column.dtype === 'bool'
  const scale = column.meaning?.type === 'decimal' ? 10 ** column.meaning.scale : undefined
  for (let i = 0; i < rows; i++) {
    let value: Plain = valid?.[i] === 0 ? null : values[i]!
    if (isBool && value !== null) value = (value as unknown) === 1
    if (scale !== undefined && value !== null) value = Number(value) / scale
    mask[i] = passes(value) ? 1 : 0
  }
  return mask
}

/** The condition as a function. A null fulfils no comparison. */
export function passing({ operator, value: wanted }: Test): (value: Plain) => boolean {
  const one = wanted as number
  switch (operator) {
    case '$eq':
      return (value) => isSame(value, one)
    case '$ne':
      return (value) => !isSame(value, one)
    case '$lt':
      return (value) => value !== null && (value as number) < one
    case '$lte':
      return (value) => value !== null && (value as number) <= one
    case '$gt':
      return (value) => value !== null && (value as number) > one
    case '$gte':
      return (value) => value !== null && (value as number) >= one
    case '$in':
      return (value) => (wanted as readonly Plain[]).some((each) => isSame(value, each))
    case '$nin':
      return (value) => !(wanted as readonly Plain[]).some((each) => isSame(value, each))
  }
}

function isSame(a: Plain, b: Plain): boolean {
  if (a === b) return true
  // A bigint equals the number of the same value.
  const isMixed =
    (typeof a === 'bigint' && typeof b === 'number') ||
    (typeof a === 'number' && typeof b === 'bigint')
  return isMixed && !(a < b) && !(a > b)
}
