import type { DType } from '../../base/array.ts'
import { DATA_CLASSES, sizeOf } from '../../base/dtypes.ts'
import { damaged, MediaError } from '../../base/errors.ts'
import { type HeaderFields, parseHeaderText } from './npy-header-text.ts'

/** The header of an npy file. */
export interface NpyHeader {
  readonly dtype: DType
  readonly shape: readonly number[]
  /** 2 for complex numbers, which get a last axis of real and imaginary parts; otherwise 1. */
  readonly parts: 1 | 2
  readonly isBigEndian: boolean
  /** Whether the array is column-major: the first axis varies fastest. */
  readonly isFortran: boolean
  /** Size of all elements, in bytes. */
  readonly dataBytes: number
}

/**
 * Longest header that is read, in bytes. NumPy itself writes about 118 bytes, and refuses more than
 * 10,000.
 */
const MAX_HEADER_BYTES = 65_535

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59] // \x93NUMPY

/** A header, and the offset of the data after it. */
export interface Head {
  readonly header: NpyHeader
  readonly dataOffset: number
}

/**
 * Parses the header of a file that is in memory at least up to its data. Datasets have many files
 * with the same header: the last few are cached and found by comparing bytes, which costs a fifth
 * of parsing.
 *
 * @throws MediaError `ERR_DECODE` or `ERR_UNSUPPORTED`
 */
export function readHead(bytes: Uint8Array): Head {
  for (let i = 0; i < recent.length; i++) {
    const { text, head } = recent[i]!
    if (beginsWith(bytes, text)) return head
  }
  const dataOffset = dataOffsetOf(bytes)
  if (bytes.byteLength < dataOffset) {
    throw damaged(`ends after ${bytes.byteLength} bytes, within a header of ${dataOffset}`)
  }
  const version = bytes[6]!
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, dataOffset)
  const text = buffer.toString(version === 3 ? 'utf8' : 'latin1', version === 1 ? 10 : 12)
  const head = { header: readFields(parseHeaderText(text)), dataOffset }
  if (dataOffset <= MAX_RECENT_BYTES) {
    recent.unshift({ text: new Uint8Array(buffer), head })
    if (recent.length > MAX_RECENT) recent.pop()
  }
  return head
}

const recent: { readonly text: Uint8Array; readonly head: Head }[] = []
const MAX_RECENT = 8
const MAX_RECENT_BYTES = 256

function beginsWith(bytes: Uint8Array, text: Uint8Array): boolean {
  if (bytes.byteLength < text.byteLength) return false
  for (let i = 0; i < text.length; i++) if (bytes[i] !== text[i]) return false
  return true
}

/**
 * Offset of the data, from the first bytes of a file.
 *
 * @throws MediaError `ERR_DECODE` or `ERR_UNSUPPORTED`
 */
export function dataOffsetOf(bytes: Uint8Array): number {
  for (let i = 0; i < MAGIC.length; i++) {
    if (bytes[i] !== MAGIC[i]) throw damaged(notNpy(bytes))
  }
  if (bytes.byteLength < 12)
    throw damaged(`ends after ${bytes.byteLength} bytes, within the header`)
  const version = bytes[6]!
  if (version < 1 || version > 3 || bytes[7] !== 0) {
    throw new MediaError(
      'ERR_UNSUPPORTED',
      `npy format version ${version}.${bytes[7]}; known are 1.0, 2.0 and 3.0`,
    )
  }
  if (version === 1) return 10 + bytes[8]! + bytes[9]! * 256
  const length = bytes[8]! + bytes[9]! * 256 + bytes[10]! * 65536 + bytes[11]! * 16777216
  if (length > MAX_HEADER_BYTES)
    throw damaged(`a header of ${length} bytes; at most ${MAX_HEADER_BYTES} are read`)
  return 12 + length
}

/** NumPy's limit, which also bounds the cost of a shape. */
const MAX_RANK = 64

function readFields({ descr, isFortran, shape }: HeaderFields): NpyHeader {
  if (typeof descr !== 'string') {
    throw new MediaError(
      'ERR_UNSUPPORTED',
      `structured dtype ${shortened(descr.text)}: save its fields as arrays of their own`,
    )
  }
  const { dtype, parts, isBigEndian } = parseDescr(descr)
  if (shape.length > MAX_RANK)
    throw damaged(`${shape.length} dimensions; NumPy has at most ${MAX_RANK}`)
  const dataBytes = sizeOf(shape) * parts * DATA_CLASSES[dtype].BYTES_PER_ELEMENT
  if (!Number.isSafeInteger(dataBytes) || !shape.every(Number.isSafeInteger))
    throw damaged(`an impossible shape, (${shape.join(', ')})`)
  return { dtype, shape, parts, isBigEndian, isFortran, dataBytes }
}

/** Kind and size in NumPy's notation -> dtype, and their number in an element. */
const DESCRIPTIONS: ReadonlyMap<string, readonly [DType, 1 | 2]> = new Map([
  ['b1', ['bool', 1]],
  ['u1', ['uint8', 1]],
  ['i1', ['int8', 1]],
  ['u2', ['uint16', 1]],
  ['i2', ['int16', 1]],
  ['u4', ['uint32', 1]],
  ['i4', ['int32', 1]],
  ['u8', ['uint64', 1]],
  ['i8', ['int64', 1]],
  ['f2', ['float16', 1]],
  ['f4', ['float32', 1]],
  ['f8', ['float64', 1]],
  ['c8', ['float32', 2]],
  ['c16', ['float64', 2]],
])

/**
 * NumPy's other letters and names for them, which NumPy reads but does not write; some other
 * programs write them. `l` has the length of 64-bit systems.
 */
const OTHER_NAMES: ReadonlyMap<string, string> = new Map(
  [
    ['b1', '? bool bool_'],
    ['u1', 'B ubyte uint8'],
    ['i1', 'b byte int8'],
    ['u2', 'H ushort uint16'],
    ['i2', 'h short int16'],
    ['u4', 'I uintc uint32'],
    ['i4', 'i intc int32'],
    ['u8', 'L Q ulonglong uint uint64'],
    ['i8', 'l q longlong int int64'],
    ['f2', 'e half float16'],
    ['f4', 'f single float32'],
    ['f8', 'd double float float64'],
    ['c8', 'F csingle complex64'],
    ['c16', 'D cdouble complex complex128'],
  ].flatMap(([kind, names]) => names!.split(' ').map((name) => [name, kind!] as const)),
)

/**
 * Without `>` the byte order is little-endian, as on all machines that write npy today: `|` and `=`
 * mean the order of the machine.
 */
function parseDescr(descr: string): { dtype: DType; parts: 1 | 2; isBigEndian: boolean } {
  const kind = /^[<>|=]/.test(descr) ? descr.slice(1) : descr
  const entry = DESCRIPTIONS.get(kind) ?? DESCRIPTIONS.get(OTHER_NAMES.get(kind) ?? '')
  if (entry === undefined) throw refusalOf(descr)
  const [dtype, parts] = entry
  const size = DATA_CLASSES[dtype].BYTES_PER_ELEMENT
  return { dtype, parts, isBigEndian: descr[0] === '>' && size > 1 }
}

/** The error for a dtype that is not supported, with what helps. */
function refusalOf(descr: string): MediaError {
  const kinds: readonly (readonly [RegExp, string])[] = [
    [
      /^\|O/,
      'Python objects (pickle), which are never loaded: convert the array to numbers before saving',
    ],
    [/^[<>|=]?U/, 'text: save it as JSON, or as numbers'],
    [/^[<>|=]?[Sa]\d*$/, "byte strings: save them as .view('uint8')"],
    [/^[<>|=]?[Mm]8/, "times: save them as .view('int64')"],
    [
      /^[<>|=]?V/,
      "raw bytes (bfloat16 and other types of extensions): save them as .view('uint16') or .astype('float32')",
    ],
    [/^[<>|=]?(?:[fc](?:12|16|24|32)|[gG])$/, "long double: save it as .astype('float64')"],
  ]
  const hint = kinds.find(([pattern]) => pattern.test(descr))?.[1]
  return new MediaError(
    'ERR_UNSUPPORTED',
    `dtype '${shortened(descr)}' is not supported${hint ? `: ${hint}` : ''}`,
  )
}

/** Guesses from the first bytes what a file is that is not an npy. */
function notNpy(bytes: Uint8Array): string {
  if (bytes.byteLength === 0) return 'is empty'
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(8, bytes.byteLength))
  if (head.toString('latin1').startsWith('PK'))
    return 'not an npy file but a zip file: npz files are read by `loadNpz`'
  if (head[0] === 0x80) return 'not an npy file but a Python pickle, which is never loaded'
  return `not an npy file: it begins with the bytes ${head.toString('hex').replaceAll(/..(?=.)/g, '$& ')}`
}

function shortened(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
