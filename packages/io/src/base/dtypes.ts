import type { DataOf, DType, NdArray } from './array.ts'
import { badOption } from './errors.ts'

/** The typed array class of a dtype. */
export interface DataClass<D extends DType> {
  readonly BYTES_PER_ELEMENT: number
  new (length: number): DataOf[D]
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): DataOf[D]
}

/** The typed array class of each dtype. */
export const DATA_CLASSES: { readonly [D in DType]: DataClass<D> } = {
  bool: Uint8Array,
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  uint64: BigUint64Array,
  int64: BigInt64Array,
  float16: Uint16Array,
  float32: Float32Array,
  float64: Float64Array,
}

/** Whether this machine is little-endian, as almost all machines that run Node are. */
export const IS_LITTLE_ENDIAN: boolean = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

/**
 * The bytes from `offset` on as elements of a dtype: a view if they are aligned, otherwise a copy.
 * The number of bytes must be a multiple of the element size.
 */
export function viewAs<D extends DType>(dtype: D, bytes: Uint8Array, offset = 0): DataOf[D] {
  const Data = DATA_CLASSES[dtype]
  const size = Data.BYTES_PER_ELEMENT
  const at = bytes.byteOffset + offset
  const length = (bytes.byteLength - offset) / size
  if (at % size === 0) return new Data(bytes.buffer, at, length)
  const copy = new Uint8Array(length * size)
  copy.set(bytes.subarray(offset))
  return new Data(copy.buffer, 0, length)
}

/** The bytes of a typed array, as a view. */
export function bytesOf(data: DataOf[DType]): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength)
}

/**
 * The bytes of a file in memory.
 *
 * @throws MediaError `ERR_BAD_OPTION` for anything else
 */
export function viewOfBytes(bytes: unknown): Uint8Array {
  if (bytes instanceof Uint8Array) return bytes
  if (bytes instanceof ArrayBuffer || bytes instanceof SharedArrayBuffer)
    return new Uint8Array(bytes)
  throw badOption('bytes', 'a Uint8Array, ArrayBuffer or SharedArrayBuffer', bytes)
}

/** Swaps the bytes of every element, in place. */
export function swapBytes(bytes: Uint8Array, elementSize: number): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (elementSize === 2) buffer.swap16()
  else if (elementSize === 4) buffer.swap32()
  else if (elementSize === 8) buffer.swap64()
}

/** The number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  let size = 1
  for (const side of shape) size *= side
  return size
}

/**
 * Checks that a value is an {@link NdArray}.
 *
 * @throws MediaError `ERR_BAD_OPTION` with the argument's name
 */
export function checkNdArray(array: unknown, name: string): asserts array is NdArray {
  const { data, dtype, shape } = (array ?? {}) as Partial<NdArray>
  if (dtype === undefined || !Object.hasOwn(DATA_CLASSES, dtype)) {
    throw badOption(`${name}.dtype`, `one of ${Object.keys(DATA_CLASSES).join(', ')}`, dtype)
  }
  const Data = DATA_CLASSES[dtype]
  if (!(data instanceof Data))
    throw badOption(`${name}.data`, `a ${Data.name} for dtype ${dtype}`, data)
  if (!Array.isArray(shape) || !shape.every((side) => Number.isSafeInteger(side) && side >= 0)) {
    throw badOption(`${name}.shape`, 'an array of integers >= 0', shape)
  }
  if (sizeOf(shape) !== data.length) {
    throw badOption(`${name}.shape`, `of ${data.length} elements, as \`data\` has`, shape)
  }
}
