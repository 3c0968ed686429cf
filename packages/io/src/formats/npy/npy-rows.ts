import { is, type Rule } from 'spindle/options'
import { MediaError, printValue } from '../../base/errors.ts'
import type { RowRange } from './npy-data.ts'

/** The rule of `rows`, as far as no array is needed. */
export const rowsRule: Rule<RowRange, 'maybe'> = is(
  '[start, end], integers with 0 <= start <= end',
  isRange,
)

function isRange(rows: unknown): boolean {
  return (
    Array.isArray(rows) &&
    rows.length === 2 &&
    isRow(rows[0]) &&
    (isRow(rows[1]) || rows[1] === Infinity) &&
    rows[0] <= rows[1]
  )
}

/**
 * The rows of an array that has them: `end` is cut to what there is.
 *
 * @throws MediaError `ERR_BAD_OPTION` for an array without axes, and for a start behind the last
 *   row
 */
export function rowsWithin(rows: RowRange, shape: readonly number[]): RowRange {
  const count = shape[0]
  const [start, end] = rows
  if (count === undefined)
    throw new MediaError('ERR_BAD_OPTION', '`rows` of an array without axes, shape []')
  if (start > 0 && start >= count) {
    throw new MediaError(
      'ERR_BAD_OPTION',
      `\`rows\` must begin before row ${count}, got ${printValue(rows)}`,
    )
  }
  return [start, Math.min(end, count)]
}

function isRow(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
