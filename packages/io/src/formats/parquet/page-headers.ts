import { MediaError } from '../../base/errors.ts'

// Page headers (parquet-format, PageHeader) in Thrift's compact protocol. The library trusts their
// numbers of values, and run lengths and deltas turn a few bytes into any number of values. So the
// headers are checked before the library gets a column.

/** The header of a page. */
export interface PageFacts {
  /** Size of the page after its header, in bytes. */
  readonly compressedBytes: number
  /** Number of values of a data page; 0 for other pages. */
  readonly values: number
}

/** A reading position in bytes. */
interface Cursor {
  readonly bytes: Uint8Array
  at: number
}

/** The numbers and structures in a structure, by field number. */
type Struct = Map<number, number | Struct>

/** Largest nesting depth of structures: a page has two. */
const MAX_DEPTH = 8
const [COMPRESSED_SIZE, DATA_PAGE, DATA_PAGE_V2, NUM_VALUES] = [3, 5, 8, 1]

/**
 * The pages of a column chunk, one after another.
 *
 * @throws MediaError `ERR_DECODE` for an invalid header
 */
export function* pagesOf(bytes: Uint8Array): Generator<PageFacts, void, void> {
  const cursor: Cursor = { bytes, at: 0 }
  while (cursor.at < bytes.length - 1) {
    const header = readStruct(cursor, 0)
    const compressedBytes = header.get(COMPRESSED_SIZE)
    const data = header.get(DATA_PAGE) ?? header.get(DATA_PAGE_V2)
    const values = data instanceof Map ? data.get(NUM_VALUES) : 0
    if (
      typeof compressedBytes !== 'number' ||
      compressedBytes < 0 ||
      typeof values !== 'number' ||
      values < 0
    )
      throw damaged('a page without its sizes')
    yield { compressedBytes, values }
    cursor.at += compressedBytes
  }
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

function readValue(cursor: Cursor, type: number, depth: number): number | Struct | undefined {
  switch (type) {
    case 1: // true and false have no more bytes
    case 2:
      return undefined
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
