import type { ColumnMetaData, RowGroup } from 'hyparquet'
import type { ColumnForm } from './column-form.ts'
import type { Filter, Plain, Test } from './where.ts'

/**
 * Whether the statistics of a row group prove that no row fulfils the filter. Times in them must be
 * in the columns' own units.
 */
export function canSkip(
  filter: Filter,
  group: RowGroup,
  forms: ReadonlyMap<string, ColumnForm>,
): boolean {
  if ('all' in filter) return filter.all.some((part) => canSkip(part, group, forms))
  if ('any' in filter) return filter.any.every((part) => canSkip(part, group, forms))
  if ('none' in filter) return false
  const form = forms.get(filter.column)
  const chunk = group.columns.find(
    ({ meta_data: facts }) => facts?.path_in_schema[0] === filter.column,
  )
  return (
    form !== undefined &&
    chunk?.meta_data !== undefined &&
    isRuledOut(filter, form, chunk.meta_data)
  )
}

function isRuledOut(
  test: Test,
  { dtype, meaning, convert }: ColumnForm,
  { statistics, num_values: values }: ColumnMetaData,
): boolean {
  if (statistics === undefined || convert !== undefined || meaning?.type === 'decimal') return false
  const { null_count: nulls } = statistics
  const { operator, value } = test
  const wanted = (Array.isArray(value) ? value : [value]) as readonly Plain[]
  if (operator === '$ne' || operator === '$nin') return false
  const takesNull = operator === '$eq' || operator === '$in'
  // Rows of nulls only fulfil no comparison.
  if (nulls !== undefined && nulls === values && !(takesNull && wanted.includes(null))) return true
  if (takesNull && wanted.includes(null) && nulls !== 0n) return false
  // The fields of old writers (`min`, `max`) are in an unknown order for anything but signed
  // numbers.
  const isSigned = /^int|^float/.test(dtype)
  const least = statistics.min_value ?? (isSigned ? statistics.min : undefined)
  const most = statistics.max_value ?? (isSigned ? statistics.max : undefined)
  if (!isBound(least, dtype) || !isBound(most, dtype)) return false
  return wanted.every((one) => one === null || isOutside(operator, one, least, most))
}

function isBound(bound: unknown, dtype: string): bound is number {
  if (dtype === 'text') return typeof bound === 'string'
  if (dtype === 'bool') return typeof bound === 'boolean'
  if (dtype === 'uint64' && typeof bound === 'bigint') return bound >= 0n
  if (/^uint/.test(dtype) && typeof bound === 'number') return bound >= 0
  return typeof bound === 'bigint' || (typeof bound === 'number' && !Number.isNaN(bound))
}

function isOutside(
  operator: Test['operator'],
  wanted: Plain,
  least: number,
  most: number,
): boolean {
  const one = wanted as number
  // UTF-8, in which the file has its order, and UTF-16, in which texts are compared, agree where
  // one of them is ASCII.
  if (typeof wanted === 'string' && !/^[\0-\x7f]*$/.test(wanted)) return false
  switch (operator) {
    case '$eq':
    case '$in':
      return one < least || one > most
    case '$lt':
      return least >= one
    case '$lte':
      return least > one
    case '$gt':
      return most <= one
    case '$gte':
      return most < one
    default:
      return false
  }
}
