import { damaged } from '../../../base/errors.ts'
import { headersOf, type PageHeader } from '../page-headers.ts'

/** Encodings by their numbers in a file. */
export const ENCODINGS: Readonly<Record<number, string>> = {
  0: 'PLAIN',
  2: 'PLAIN_DICTIONARY',
  3: 'RLE',
  4: 'BIT_PACKED',
  5: 'DELTA_BINARY_PACKED',
  6: 'DELTA_LENGTH_BYTE_ARRAY',
  7: 'DELTA_BYTE_ARRAY',
  8: 'RLE_DICTIONARY',
  9: 'BYTE_STREAM_SPLIT',
}

/** Where levels are, in the bytes of a page. */
export interface Levels {
  readonly start: number
  readonly end: number
}

/** A page, decompressed. */
export interface Page {
  readonly isDictionary: boolean
  /** Values of a dictionary; levels of a data page. */
  readonly count: number
  readonly encoding: string
  readonly bytes: Uint8Array
  readonly repetition: Levels
  readonly definition: Levels
  /** Where the values begin in `bytes`. */
  readonly values: number
}

/** Decompresses a page into exactly as many bytes as its header says. */
export type Inflate = (input: Uint8Array, outputLength: number) => Uint8Array

/** What the pages of a column have in common. */
export interface PageForm {
  readonly maxRepetition: number
  readonly maxDefinition: number
  /** `undefined` for a column that is not compressed. */
  readonly inflate: Inflate | undefined
}

/**
 * The pages of a column chunk, decompressed one at a time. The bytes of a page are valid until the
 * next one.
 *
 * @throws MediaError `ERR_DECODE`
 */
export function* readPages(bytes: Uint8Array, form: PageForm): Generator<Page, void, void> {
  for (const { header, start, end } of headersOf(bytes)) {
    if (end > bytes.length) throw damaged('damaged: a page is cut off')
    const raw = bytes.subarray(start, end)
    if (header.dictionary !== undefined) {
      const { values: count, encoding } = header.dictionary
      const all = inflated(raw, header.uncompressedBytes, form.inflate)
      const none = { start: 0, end: 0 }
      yield {
        isDictionary: true,
        count,
        encoding: encodingOf(encoding),
        bytes: all,
        repetition: none,
        definition: none,
        values: 0,
      }
    } else if (header.data !== undefined) yield pageV1(raw, header, header.data, form)
    else if (header.dataV2 !== undefined) yield pageV2(raw, header, header.dataV2, form)
  }
}

function pageV1(
  raw: Uint8Array,
  { uncompressedBytes }: PageHeader,
  facts: NonNullable<PageHeader['data']>,
  { inflate, maxRepetition, maxDefinition }: PageForm,
): Page {
  const bytes = inflated(raw, uncompressedBytes, inflate)
  let at = 0
  const levels = (most: number, encoding: number): Levels => {
    if (most === 0) return { start: 0, end: 0 }
    if (ENCODINGS[encoding] !== 'RLE')
      throw new UnsupportedPage(`levels in ${encodingOf(encoding)}`)
    if (at + 4 > bytes.length) throw damaged('damaged: a page without its levels')
    const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true)
    const start = at + 4
    at = start + length
    if (at > bytes.length) throw damaged('damaged: levels are longer than their page')
    return { start, end: at }
  }
  const repetition = levels(maxRepetition, facts.repetitionEncoding)
  const definition = levels(maxDefinition, facts.definitionEncoding)
  return {
    isDictionary: false,
    count: facts.values,
    encoding: encodingOf(facts.encoding),
    bytes,
    repetition,
    definition,
    values: at,
  }
}

function pageV2(
  raw: Uint8Array,
  { uncompressedBytes }: PageHeader,
  facts: NonNullable<PageHeader['dataV2']>,
  { inflate }: PageForm,
): Page {
  const { repetitionBytes, definitionBytes } = facts
  const levels = repetitionBytes + definitionBytes
  if (repetitionBytes < 0 || definitionBytes < 0 || levels > raw.length)
    throw damaged('damaged: levels are longer than their page')
  const rest = raw.subarray(levels)
  const isInflated = inflate !== undefined && facts.isCompressed
  const values = isInflated ? inflated(rest, uncompressedBytes - levels, inflate) : rest
  // Levels and values must be in one array for what reads them.
  const bytes = new Uint8Array(levels + values.length)
  bytes.set(raw.subarray(0, levels))
  bytes.set(values, levels)
  return {
    isDictionary: false,
    count: facts.values,
    encoding: encodingOf(facts.encoding),
    bytes,
    repetition: { start: 0, end: repetitionBytes },
    definition: { start: repetitionBytes, end: levels },
    values: levels,
  }
}

function inflated(raw: Uint8Array, length: number, inflate: Inflate | undefined): Uint8Array {
  if (inflate === undefined) return raw
  if (length === 0) return new Uint8Array(0)
  const bytes = inflate(raw, length)
  if (bytes.length !== length)
    throw damaged(`damaged: a page decompresses to ${bytes.length} bytes instead of ${length}`)
  return bytes
}

function encodingOf(encoding: number): string {
  return ENCODINGS[encoding] ?? `encoding ${encoding}`
}

/** A page in a form that only the library reads, if any. */
export class UnsupportedPage extends Error {}
