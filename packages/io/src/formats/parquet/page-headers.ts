import { MediaError } from '../../base/errors.ts'

// Page headers (parquet-format, PageHeader) in Thrift's compact protocol. The library trusts their
// numbers of values, and run lengths and deltas turn a few bytes into any number of values. So the
// headers are checked before the library gets a column.

/** The header of a page. */
export interface PageHeader {
  readonly uncompressedBytes: number
  readonly data?: {
    readonly values: number
    readonly encoding: number
    readonly definitionEncoding: number
    readonly repetitionEncoding: number
  }
  readonly dictionary?: { readonly values: number; readonly encoding: number }
  readonly dataV2?: {
    readonly values: number
    readonly encoding: number
    readonly definitionBytes: number
    readonly repetitionBytes: number
    readonly isCompressed: boolean
  }
}

/** A header, and where its page is in the bytes of the column. */
export interface PlacedPage {
  readonly header: PageHeader
  readonly start: number
  readonly end: number
}

/** A reading position in bytes. */
interface Cursor {
  readonly bytes: Uint8Array
  at: number
}

/** The numbers, structures, true and false in a structure, by field number. */
type Struct = Map<number, number | boolean | Struct>

/** Largest nesting depth of structures: a page has two. */
const MAX_DEPTH = 8
const [UNCOMPRESSED_SIZE, COMPRESSED_SIZE, DATA_PAGE, DICTIONARY_PAGE, DATA_PAGE_V2] = [
  2, 3, 5, 7, 8,
]

/**
 * The pages of a column chunk, one after another.
 *
 * @throws MediaError `ERR_DECODE` for an invalid header
 */
export function* headersOf(bytes: Uint8Array): Generator<PlacedPage, void, void> {
  const cursor: Cursor = { bytes, at: 0 }
  // Some writers count a byte too many.
  while (cursor.at < bytes.length - 1) {
    const fields = readStruct(cursor, 0)
    const start = cursor.at
    const end = start + sizeIn(fields, COMPRESSED_SIZE)
    yield { header: headerOf(fields), start, end }
    cursor.at = end
  }
}

function headerOf(fields: Struct): PageHeader {
  const uncompressedBytes = numberIn(fields, UNCOMPRESSED_SIZE)
  const data = fields.get(DATA_PAGE)
  if (data instanceof Map) {
    const [values, encoding] = [sizeIn(data, 1), numberIn(data, 2)]
    const [definitionEncoding, repetitionEncoding] = [numberIn(data, 3), numberIn(data, 4)]
    return {
      uncompressedBytes,
      data: { values, encoding, definitionEncoding, repetitionEncoding },
    }
  }
  const dictionary = fields.get(DICTIONARY_PAGE)
  if (dictionary instanceof Map)
    return {
      uncompressedBytes,
      dictionary: { values: sizeIn(dictionary, 1), encoding: numberIn(dictionary, 2) },
    }
  const dataV2 = fields.get(DATA_PAGE_V2)
  if (!(dataV2 instanceof Map)) return { uncompressedBytes }
  const [values, encoding] = [sizeIn(dataV2, 1), numberIn(dataV2, 4)]
  const [definitionBytes, repetitionBytes] = [numberIn(dataV2, 5), numberIn(dataV2, 6)]
  const isCompressed = dataV2.get(7) !== false
  return {
    uncompressedBytes,
    dataV2: { values, encoding, definitionBytes, repetitionBytes, isCompressed },
  }
}

/** A number that only the decoder needs; -1 if it is missing. */
function numberIn(fields: Struct, field: number): number {
  const value = fields.get(field)
  return typeof value === 'number' ? value : -1
}

function sizeIn(fields: Struct, field: number): number {
  const value = fields.get(field)
  if (typeof value !== 'number' || value < 0) throw damaged('a page without its sizes')
  return value
}

function readStruct(cursor: Cursor, depth: number): Struct {
  if (depth > MAX_DEPTH) throw damaged('a page header with too many structures in it')
  const fields: Struct = new Map()
  for (let id = 0; ; ) {
    const byte = readByte(cursor)
    const type = byte & 0x0f
    if (type === 0) return fields
    const delta = byte >> 4
    id = delta === 0 ? readZigZag(cursor) : id + delta
    const value = readValue(cursor, type, depth)
    if (value !== undefined) fields.set(id, value)
  }
}

function readValue(
  cursor: Cursor,
  type: number,
  depth: number,
): number | boolean | Struct | undefined {
  switch (type) {
    case 1: // true and false have no more bytes
      return true
    case 2:
      return false
    case 3:
      return readByte(cursor)
    case 4:
    case 5:
    case 6:
      return readZigZag(cursor)
    case 7:
      return skip(cursor, 8)
    case 8:
      return skip(cursor, readVarint(cursor))
    case 9:
    case 10:
      return skipList(cursor, depth)
    case 12:
      return readStruct(cursor, depth + 1)
    default:
      throw damaged('a page header that is none')
  }
}

function skipList(cursor: Cursor, depth: number): undefined {
  const byte = readByte(cursor)
  const count = byte >> 4 === 15 ? readVarint(cursor) : byte >> 4
  const type = byte & 0x0f
  for (let i = 0; i < count; i++) {
    if (type <= 2) skip(cursor, 1)
    else readValue(cursor, type, depth + 1)
  }
}

function readZigZag(cursor: Cursor): number {
  const value = readVarint(cursor)
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2
}

function readVarint(cursor: Cursor): number {
  let value = 0
  for (let factor = 1; factor <= 2 ** 63; factor *= 128) {
    const byte = readByte(cursor)
    value += (byte & 0x7f) * factor
    if (byte < 0x80) return value
  }
  throw damaged('a page header with an endless number')
}

function readByte(cursor: Cursor): number {
  const byte = cursor.bytes[cursor.at++]
  if (byte === undefined) throw damaged('a page header is cut off')
  return byte
}

function skip(cursor: Cursor, bytes: number): undefined {
  cursor.at += bytes
  if (cursor.at > cursor.bytes.length) throw damaged('a page header is cut off')
}

function damaged(problem: string): MediaError {
  return new MediaError('ERR_DECODE', `damaged: ${problem}`)
}
