import { damaged, MediaError } from '../../base/errors.ts'
import { FlatTable, type MessagePlace } from './flat-table.ts'

// Frames of Arrow's IPC formats (arrow.apache.org/docs/format/Columnar.html): messages of metadata,
// a FlatBuffer, and a body. Only what is needed to find messages is read here.

/** Where the messages of a file are. */
export interface ArrowIndex {
  readonly schema: Uint8Array
  /** Dictionaries, in order. */
  readonly dictionaries: readonly MessagePlace[]
  readonly batches: readonly MessagePlace[]
  /** Whether a batch has only the dictionaries in front of it. */
  readonly isStream: boolean
}

/** The head of a message. */
export interface MessageHead {
  /** Size of the length and the metadata. */
  readonly headBytes: number
  readonly bodyBytes: number
  readonly kind: 'schema' | 'dictionary' | 'batch' | 'other'
  /** Of a dictionary: which one it is, and whether it adds to it. */
  readonly dictionary?: { readonly id: number; readonly isDelta: boolean }
}

/** Reads ranges of a file. */
export interface RangeSource {
  readonly byteLength: number
  slice(start: number, end?: number): Promise<ArrayBuffer>
}

const MAGIC = 'ARROW1'
/** Largest metadata of a message or a footer. */
const MAX_METADATA = 64 * 2 ** 20
/** Bytes of the head of a message that are read at once. */
const HEAD = 4096

/** Finds the messages of a file in the file format or the stream format. */
export async function indexOf(file: RangeSource): Promise<ArrowIndex> {
  const head = Buffer.from(await file.slice(0, Math.min(8, file.byteLength)))
  return head.toString('latin1', 0, 6) === MAGIC ? await byFooter(file) : await byScan(file)
}

async function byFooter(file: RangeSource): Promise<ArrowIndex> {
  const { byteLength } = file
  if (byteLength < 20) throw damaged('damaged: an Arrow file without a footer')
  const tail = Buffer.from(await file.slice(byteLength - 10, byteLength))
  if (tail.toString('latin1', 4) !== MAGIC) throw damaged('damaged: an Arrow file that is cut off')
  const size = tail.readInt32LE(0)
  if (size > MAX_METADATA) throw tooLarge('its footer', size)
  if (size < 8 || size > byteLength - 18)
    throw damaged('damaged: an Arrow file with a wrong footer')
  const end = byteLength - 10
  const footer = new FlatTable(new Uint8Array(await file.slice(end - size, end)))
  const dictionaries = footer.blocks(2)
  const batches = footer.blocks(3)
  for (const { offset, size: bytes } of [...dictionaries, ...batches])
    if (!(offset >= 8 && bytes >= 8 && offset + bytes <= end))
      throw damaged('damaged: a record batch is outside of the file')
  // The schema is the first message.
  const schema = await headAt(file, 8)
  if (schema.kind !== 'schema') throw damaged('damaged: an Arrow file without a schema')
  return {
    schema: new Uint8Array(await file.slice(8, 8 + schema.headBytes)),
    dictionaries,
    batches,
    isStream: false,
  }
}

async function byScan(file: RangeSource): Promise<ArrowIndex> {
  let schema: Uint8Array | undefined
  const dictionaries: MessagePlace[] = []
  const batches: MessagePlace[] = []
  for (let offset = 0; offset + 4 <= file.byteLength; ) {
    const head = await headAt(file, offset)
    if (head.headBytes <= 8) break
    const size = head.headBytes + head.bodyBytes
    if (offset + size > file.byteLength) throw damaged('damaged: an Arrow stream that is cut off')
    if (schema === undefined && head.kind !== 'schema')
      throw damaged('neither an Arrow file nor an Arrow stream')
    schema ??= new Uint8Array(await file.slice(offset, offset + head.headBytes))
    if (head.kind === 'dictionary') dictionaries.push({ offset, size })
    if (head.kind === 'batch') batches.push({ offset, size })
    offset += size
  }
  if (schema === undefined) throw damaged('neither an Arrow file nor an Arrow stream')
  return { schema, dictionaries, batches, isStream: true }
}

async function headAt(file: RangeSource, offset: number): Promise<MessageHead> {
  const read = async (size: number): Promise<Uint8Array> =>
    new Uint8Array(await file.slice(offset, Math.min(file.byteLength, offset + size)))
  const first = await read(HEAD)
  const needed = headBytesOf(first)
  return headOf(needed <= first.length ? first : await read(needed))
}

/**
 * Size of the length and the metadata of a message that begins at `bytes`; 8 or less at the end.
 */
export function headBytesOf(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 4) throw damaged('damaged: an Arrow message is cut off')
  const first = view.getInt32(0, true)
  // Before version 0.15 there was no mark in front of the length.
  if (first > MAX_METADATA) throw damaged('neither an Arrow file nor an Arrow stream')
  if (first !== -1) return checkedHead(first) + 4
  return bytes.length < 8 ? 8 : checkedHead(view.getInt32(4, true)) + 8
}

function checkedHead(size: number): number {
  if (size < 0) throw damaged('neither an Arrow file nor an Arrow stream')
  if (size > MAX_METADATA) throw tooLarge('the metadata of a message', size)
  return size
}

/** Reads the head of a message. */
export function headOf(bytes: Uint8Array): MessageHead {
  const headBytes = headBytesOf(bytes)
  const start = new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true) === -1 ? 8 : 4
  if (headBytes <= start) return { headBytes, bodyBytes: 0, kind: 'other' }
  if (bytes.length < headBytes) throw damaged('damaged: an Arrow message is cut off')
  const message = new FlatTable(bytes.subarray(start, headBytes))
  const bodyBytes = message.int64(3)
  const kind = (['other', 'schema', 'dictionary', 'batch'] as const)[message.uint8(1)] ?? 'other'
  if (!(bodyBytes >= 0 && bodyBytes <= Number.MAX_SAFE_INTEGER))
    throw damaged('damaged: an Arrow message with an impossible size')
  const header = message.table(2)
  if (kind === 'schema') checkSchema(header)
  if (kind === 'batch') checkBatch(header)
  if (kind !== 'dictionary') return { headBytes, bodyBytes, kind }
  checkBatch(header?.table(1))
  const dictionary = { id: header?.int64(0) ?? 0, isDelta: header?.uint8(2) === 1 }
  return { headBytes, bodyBytes, kind, dictionary }
}

function tooLarge(what: string, bytes: number): MediaError {
  return new MediaError(
    'ERR_TOO_LARGE',
    `${what} has ${bytes} bytes; at most ${MAX_METADATA} are read`,
  )
}

// The library trusts the lengths of vectors, so that they are checked before it gets a message.

const [MAX_DEPTH, MAX_FIELDS] = [64, 100_000]

function checkSchema(schema: FlatTable | undefined): void {
  let count = 0
  const checkFields = (fields: readonly FlatTable[], depth: number): void => {
    count += fields.length
    if (depth > MAX_DEPTH || count > MAX_FIELDS)
      throw damaged('damaged: a schema of too many fields')
    for (const field of fields) {
      // A union has numbers of its types.
      if (field.uint8(2) === 14) field.table(3)?.checkVector(1, 4)
      field.checkVector(6, 4)
      checkFields(field.tables(5), depth + 1)
    }
  }
  schema?.checkVector(2, 4)
  schema?.checkVector(3, 8)
  checkFields(schema?.tables(1) ?? [], 0)
}

function checkBatch(batch: FlatTable | undefined): void {
  batch?.checkVector(1, 16)
  batch?.checkVector(2, 16)
  batch?.checkVector(4, 8)
}
