import { isAscii } from 'node:buffer'
import type { RawColumn } from './raw-column.ts'

/** The values of a column of texts, from `start` to `end`; `null` for nulls. */
export function textsOf(column: RawColumn, start: number, end: number): (string | null)[] {
  const { indices, starts } = column
  const bytes = column.data as Uint8Array
  const valid = validOf(column)
  if (indices === undefined) {
    const texts: (string | null)[] = sliceTexts(bytes, starts!, start, end)
    if (valid !== undefined)
      for (let i = start; i < end; i++) if (valid[i] === 0) texts[i - start] = null
    return texts
  }
  const words = dictionaryOf(column)
  const texts = new Array<string | null>(end - start)
  for (let i = start; i < end; i++) texts[i - start] = words[indices[i]!] ?? null
  return texts
}

/** Which values are null: items of lists, or rows. */
export function validOf(column: RawColumn): Uint8Array | undefined {
  return column.offsets === undefined ? column.valid : column.itemValid
}

const dictionaries = new WeakMap<Uint8Array, string[]>()

/** The texts of the dictionary of a column, made once. */
export function dictionaryOf({ data, starts }: RawColumn): string[] {
  const bytes = data as Uint8Array
  let words = dictionaries.get(bytes)
  if (words === undefined) {
    words = sliceTexts(bytes, starts!, 0, starts!.length - 1)
    dictionaries.set(bytes, words)
  }
  return words
}

/** One conversion for all texts costs a tenth of one for each. */
function sliceTexts(bytes: Uint8Array, starts: Int32Array, start: number, end: number): string[] {
  const first = starts[start]!
  const last = starts[end]!
  const all = Buffer.from(bytes.buffer, bytes.byteOffset + first, last - first)
  const texts = new Array<string>(end - start)
  const isPlain = all.length < 2 ** 28 && isAscii(all)
  const whole = isPlain ? all.toString('latin1') : ''
  for (let i = start; i < end; i++) {
    const from = starts[i]! - first
    const to = starts[i + 1]! - first
    texts[i - start] = isPlain ? whole.slice(from, to) : all.toString('utf8', from, to)
  }
  return texts
}

/** The values of a column of bytes, from `start` to `end`, with memory of their own. */
export function bytesOf(column: RawColumn, start: number, end: number): (Uint8Array | null)[] {
  const { indices, starts } = column
  const bytes = column.data as Uint8Array
  const valid = validOf(column)
  return Array.from({ length: end - start }, (_, i) => {
    const index = indices === undefined ? start + i : indices[start + i]!
    if (index < 0 || valid?.[start + i] === 0) return null
    return bytes.slice(starts![index]!, starts![index + 1]!)
  })
}
