import type { AnyColumn, ColumnBatch, ColumnDType } from 'spindle/source'
import { MediaError } from '../../../base/errors.ts'
import { lengthOfAll } from './decode-chunk.ts'
import {
  allocNumbers,
  type NumberDType,
  type Numbers,
  type RawColumn,
  someNull,
} from './raw-column.ts'
import { bytesOf, textsOf } from './texts.ts'

/** What columns of texts and lists become. */
export interface BatchForm {
  /** `'strings'`: `string[]`; `'utf8'`: bytes and where each text begins. */
  readonly texts: 'strings' | 'utf8'
  /**
   * `'auto'`: `[rows, n]` if all lists of a batch have `n` items; `'offsets'`: never; `'fixed'`:
   * always.
   */
  readonly lists: 'auto' | 'offsets' | 'fixed'
  /** Most bytes of texts. */
  readonly maxBytes: number
}

/** Some rows of a column of one row group. */
export interface Part {
  readonly column: RawColumn
  readonly start: number
  readonly end: number
}

/** The batch of rows that may be in several row groups. */
export function batchOf(
  names: readonly string[],
  parts: readonly (readonly Part[])[],
  form: BatchForm,
): ColumnBatch {
  const columns = names.map((name, at) => [name, joined(name, parts[at]!, form)])
  return Object.fromEntries(columns) as ColumnBatch
}

function joined(name: string, parts: readonly Part[], form: BatchForm): AnyColumn {
  const rows = parts.reduce((sum, { start, end }) => sum + end - start, 0)
  const { column: first } = parts[0]!
  const valid = masks(parts, ({ column }) => column.valid, rows)
  const common = { ...(valid && { valid }), ...(first.meaning && { meaning: first.meaning }) }
  if (first.offsets === undefined) {
    const values = valuesOf(parts, form)
    const shape = first.width > 1 ? [rows, first.width] : [rows]
    return { ...values, shape, ...common }
  }
  const spans = parts.map(
    ({ column, start, end }): Part => ({
      column,
      start: column.offsets![start]!,
      end: column.offsets![end]!,
    }),
  )
  const items = spans.reduce((sum, { start, end }) => sum + end - start, 0)
  const itemValid = masks(spans, ({ column }) => column.itemValid, items)
  const values = { ...valuesOf(spans, form), ...common, ...(itemValid && { itemValid }) }
  const width = first.width > 1 ? [first.width] : []
  const length = form.lists === 'offsets' || valid ? undefined : lengthOf(parts, rows)
  if (length !== undefined) return { ...values, shape: [rows, length, ...width] }
  if (form.lists === 'fixed' && rows === 0) return { ...values, shape: [0, 0, ...width] }
  if (form.lists === 'fixed')
    throw new MediaError(
      'ERR_DECODE',
      `column "${name}" has lists of several lengths, or null, and \`lists\` is 'fixed'`,
    )
  return { ...values, shape: [items, ...width], offsets: offsetsOf(parts, rows) }
}

/** The length of all lists; `undefined` if they differ. Of no rows, what the row groups say. */
function lengthOf(parts: readonly Part[], rows: number): number | undefined {
  let length: number | undefined
  for (const { column, start, end } of parts) {
    if (rows > 0 && start === end) continue
    const own = column.listLength ?? lengthOfAll(column.offsets!, start, end)
    if (own === undefined || (length !== undefined && length !== own)) return undefined
    length = own
  }
  return length
}

function offsetsOf(parts: readonly Part[], rows: number): Int32Array {
  const offsets = new Int32Array(rows + 1)
  let at = 0
  let base = 0
  for (const { column, start, end } of parts) {
    const from = column.offsets!
    for (let row = start; row < end; row++) offsets[++at] = base + from[row + 1]! - from[start]!
    base = offsets[at]!
  }
  return offsets
}

function masks(
  parts: readonly Part[],
  maskOf: (part: Part) => Uint8Array | undefined,
  length: number,
): Uint8Array | undefined {
  if (parts.every((part) => maskOf(part) === undefined)) return undefined
  const mask = new Uint8Array(length).fill(1)
  let at = 0
  for (const part of parts) {
    const own = maskOf(part)
    if (own !== undefined) mask.set(own.subarray(part.start, part.end), at)
    at += part.end - part.start
  }
  return someNull(mask)
}

function valuesOf(
  parts: readonly Part[],
  form: BatchForm,
): Pick<AnyColumn, 'data' | 'dtype' | 'textOffsets'> {
  const { dtype, width } = parts[0]!.column
  switch (dtype) {
    case 'text':
      if (form.texts === 'utf8') return utf8Of(parts, form.maxBytes)
      return { dtype: 'string', data: lists(parts, textsOf) }
    case 'bytes':
      return { dtype: 'bytes', data: lists(parts, bytesOf) }
    case 'bigint':
    case 'object': {
      const slice = ({ data }: RawColumn, start: number, end: number): unknown[] =>
        (data as unknown[]).slice(start, end)
      return { dtype, data: lists(parts, slice) }
    }
    default:
      return { dtype: dtype as ColumnDType, data: numbersOf(dtype, width, parts) }
  }
}

function lists<T>(
  parts: readonly Part[],
  slice: (column: RawColumn, start: number, end: number) => T[],
): T[] {
  const all = parts.map(({ column, start, end }) => slice(column, start, end))
  return all.length === 1 ? all[0]! : all.flat()
}

/** Numbers with memory of their own, unless they are all of a row group. */
function numbersOf(dtype: NumberDType, width: number, parts: readonly Part[]): Numbers {
  const [{ column, start, end }] = parts as [Part]
  const data = column.data as Numbers
  if (parts.length === 1 && start === 0 && end * width === data.length) return data
  const count = parts.reduce((sum, part) => sum + part.end - part.start, 0)
  const out = allocNumbers(dtype, count * width) as Float64Array
  let at = 0
  for (const part of parts) {
    const values = part.column.data as Float64Array
    out.set(values.subarray(part.start * width, part.end * width), at)
    at += (part.end - part.start) * width
  }
  return out
}

function utf8Of(
  parts: readonly Part[],
  maxBytes: number,
): Pick<AnyColumn, 'data' | 'dtype' | 'textOffsets'> {
  const count = parts.reduce((sum, { start, end }) => sum + end - start, 0)
  const textOffsets = new Int32Array(count + 1)
  const limit = Math.min(maxBytes, 2 ** 31 - 1)
  let at = 0
  let total = 0
  for (const { column, start, end } of parts)
    for (let i = start; i < end; i++) {
      const index = column.indices?.[i] ?? i
      total += index < 0 ? 0 : column.starts![index + 1]! - column.starts![index]!
      if (total > limit)
        throw new MediaError('ERR_TOO_LARGE', `the texts of a batch have more than ${limit} bytes`)
      textOffsets[++at] = total
    }
  const data = new Uint8Array(total)
  at = 0
  for (const { column, start, end } of parts) {
    const bytes = column.data as Uint8Array
    const { indices, starts } = column
    if (indices === undefined) {
      data.set(bytes.subarray(starts![start], starts![end]), textOffsets[at])
      at += end - start
      continue
    }
    for (let i = start; i < end; i++, at++)
      if (indices[i]! >= 0)
        data.set(bytes.subarray(starts![indices[i]!]!, starts![indices[i]! + 1]!), textOffsets[at])
  }
  return { dtype: 'utf8', data, textOffsets }
}
