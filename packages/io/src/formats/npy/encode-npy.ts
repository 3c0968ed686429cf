import type { DType, NdArray } from '../../base/array.ts'
import {
  bytesOf,
  checkNdArray,
  DATA_CLASSES,
  IS_LITTLE_ENDIAN,
  swapBytes,
} from '../../base/dtypes.ts'

/**
 * Encodes an array as an npy file, byte for byte as NumPy's `np.save` writes it (format version
 * 1.0, little-endian, row-major).
 *
 * @returns the file, in new memory
 * @throws MediaError `ERR_BAD_OPTION` if `array` is not an array, or its shape does not match its
 *   number of elements
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { encodeNpy, parseNpy } from '@spindle/io'
 *
 * const bytes = encodeNpy({ data: Uint8Array.of(1, 2, 3), dtype: 'uint8', shape: [3] })
 * assert.equal(bytes.length, 128 + 3)
 * assert.deepEqual([...parseNpy(bytes).data], [1, 2, 3])
 * ```
 */
export function encodeNpy(array: NdArray): Uint8Array {
  checkNdArray(array, 'array')
  const [header, data] = npyChunks(array)
  const bytes = new Uint8Array(header.byteLength + data.byteLength)
  bytes.set(header)
  bytes.set(data, header.byteLength)
  return bytes
}

/** Header and data of the file of a checked array. The data are a view of the array's. */
export function npyChunks({ data, dtype, shape }: NdArray): [header: Uint8Array, data: Uint8Array] {
  let bytes = bytesOf(data)
  if (!IS_LITTLE_ENDIAN) {
    bytes = Buffer.from(bytes)
    swapBytes(bytes, DATA_CLASSES[dtype].BYTES_PER_ELEMENT)
  }
  return [npyHeader(dtype, shape), bytes]
}

const DESCRIPTIONS: { readonly [D in DType]: string } = {
  bool: '|b1',
  uint8: '|u1',
  int8: '|i1',
  uint16: '<u2',
  int16: '<i2',
  uint32: '<u4',
  int32: '<i4',
  uint64: '<u8',
  int64: '<i8',
  float16: '<f2',
  float32: '<f4',
  float64: '<f8',
}

/**
 * NumPy lets the first number of the shape grow to this many digits, for programs that append to a
 * file.
 */
const GROWTH_DIGITS = 21
const ALIGNMENT = 64

/** The bytes before the data. */
export function npyHeader(dtype: DType, shape: readonly number[]): Uint8Array {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`
  const dict = `{'descr': '${DESCRIPTIONS[dtype]}', 'fortran_order': False, 'shape': ${tuple}, }`
  const growth = shape.length === 0 ? 0 : GROWTH_DIGITS - String(shape[0]).length
  const text = dict + ' '.repeat(growth)
  const length = Math.ceil((10 + text.length + 1) / ALIGNMENT) * ALIGNMENT
  const bytes = Buffer.alloc(length, ' ')
  bytes.write('\x93NUMPY\x01\x00', 'latin1')
  bytes.writeUInt16LE(length - 10, 8)
  bytes.write(text, 10, 'latin1')
  bytes[length - 1] = 0x0a
  return bytes
}
