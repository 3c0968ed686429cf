import type { DType } from '../../base/array.ts'
import { DATA_CLASSES, sizeOf } from '../../base/dtypes.ts'
import { MediaError } from '../../base/errors.ts'

/** Longest header that is read, in bytes, as in the format's own library. */
const MOST_HEADER_BYTES = 100_000_000

/** Names of dtypes in the format. bfloat16 has no typed array; it is read as float32. */
export const SAFETENSORS_DTYPES: { readonly [D in DType]: string } = {
  bool: 'BOOL',
  uint8: 'U8',
  int8: 'I8',
  uint16: 'U16',
  int16: 'I16',
  uint32: 'U32',
  int32: 'I32',
  uint64: 'U64',
  int64: 'I64',
  float16: 'F16',
  float32: 'F32',
  float64: 'F64',
}
const BY_NAME: ReadonlyMap<string, DType> = new Map(
  Object.entries(SAFETENSORS_DTYPES).map(([dtype, name]) => [name, dtype as DType]),
)

/** Where a tensor lies in a file. */
export interface TensorPlace {
  /** dtype of the elements as they are given. */
  readonly dtype: DType
  /** Whether the file has bfloat16, of which float32 is made. */
  readonly isBfloat16: boolean
  readonly shape: readonly number[]
  /** First byte in the file, and the byte after the last. */
  readonly start: number
  readonly end: number
}

/** What the header of a file says. */
export interface SafetensorsHeader {
  /** Texts by name, from `__metadata__`. */
  readonly metadata: Readonly<Record<string, string>>
  /** The tensors by name, in the order of the file. */
  readonly tensors: ReadonlyMap<string, TensorPlace>
}

/** Length of the JSON in the first eight bytes. @throws MediaError `ERR_DECODE` */
export function headerLength(start: Uint8Array, fileSize: number): number {
  if (start.byteLength < 8) throw bad('it has no header')
  const length = new DataView(start.buffer, start.byteOffset).getBigUint64(0, true)
  if (length > BigInt(MOST_HEADER_BYTES))
    throw new MediaError(
      'ERR_TOO_LARGE',
      `its header says that it has ${length} bytes; at most ${MOST_HEADER_BYTES} are read`,
    )
  if (length + 8n > BigInt(fileSize)) throw bad('its header is cut off')
  return Number(length)
}

/** Reads the JSON of the header. @throws MediaError `ERR_DECODE`, `ERR_UNSUPPORTED` */
export function parseSafetensorsHeader(json: Uint8Array, fileSize: number): SafetensorsHeader {
  const begin = 8 + json.byteLength
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json))
  } catch {
    throw bad('its header is no JSON')
  }
  if (!isRecord(value)) throw bad('its header is no object')
  const tensors = new Map<string, TensorPlace>()
  let metadata: Record<string, string> = {}
  for (const [name, entry] of Object.entries(value)) {
    if (name === '__metadata__') metadata = metadataOf(entry)
    else tensors.set(name, placeOf(name, entry, begin, fileSize))
  }
  // Bytes that belong to two tensors, or to none, would let readers see different contents in one
  // file.
  const ordered = [...tensors.values()].sort((a, b) => a.start - b.start || a.end - b.end)
  let at = begin
  for (const { start, end } of ordered) {
    if (start !== at) throw bad('its tensors overlap, or leave bytes between them')
    at = end
  }
  if (at !== fileSize) throw bad(`its tensors end at byte ${at}, and the file at ${fileSize}`)
  return { metadata, tensors }
}

function placeOf(name: string, entry: unknown, begin: number, fileSize: number): TensorPlace {
  const which = `tensor ${JSON.stringify(name.slice(0, 80))}`
  if (!isRecord(entry)) throw bad(`${which} has no entry`)
  const { dtype: kind, shape, data_offsets: offsets } = entry
  const isBfloat16 = kind === 'BF16'
  const dtype = isBfloat16 ? 'float32' : BY_NAME.get(String(kind))
  if (dtype === undefined) {
    throw new MediaError(
      'ERR_UNSUPPORTED',
      `${which} has dtype ${JSON.stringify(String(kind).slice(0, 20))}, for which there is no array`,
    )
  }
  if (!isCounts(shape)) throw bad(`${which} has no shape`)
  if (!isCounts(offsets) || offsets.length !== 2) throw bad(`${which} has no offsets`)
  const [start, end] = [begin + (offsets[0] as number), begin + (offsets[1] as number)]
  const elementBytes = isBfloat16 ? 2 : DATA_CLASSES[dtype].BYTES_PER_ELEMENT
  const bytes = sizeOf(shape) * elementBytes
  if (!Number.isSafeInteger(bytes) || end - start !== bytes)
    throw bad(`${which} has ${end - start} bytes, and its shape has ${bytes}`)
  if (end > fileSize) throw bad(`${which} ends behind the end of the file`)
  return { dtype, isBfloat16, shape, start, end }
}

function metadataOf(entry: unknown): Record<string, string> {
  if (!isRecord(entry) || !Object.values(entry).every((text) => typeof text === 'string'))
    throw bad('its `__metadata__` is no object of texts')
  return entry as Record<string, string>
}

function isCounts(value: unknown): value is number[] {
  return (
    Array.isArray(value) &&
    value.length <= 64 &&
    value.every((side) => Number.isSafeInteger(side) && side >= 0)
  )
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function bad(problem: string): MediaError {
  return new MediaError('ERR_DECODE', `no safetensors file: ${problem}`)
}
