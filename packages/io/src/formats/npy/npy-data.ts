import type { AnyNdArray } from '../../base/array.ts'
import { DATA_CLASSES, IS_LITTLE_ENDIAN, swapBytes, viewAs } from '../../base/dtypes.ts'
import { type Routine, TURN, TURN_BYTES } from '../../files/routine.ts'
import { toRowMajor } from './fortran.ts'
import type { NpyHeader } from './npy-header.ts'

/** Rows of the first axis: `[start, end)`. */
export type RowRange = readonly [start: number, end: number]

/**
 * Whether the elements in the file have the form of the result: in this machine's byte order, row
 * by row.
 */
export function liesAsIs(header: NpyHeader): boolean {
  return header.isBigEndian !== IS_LITTLE_ENDIAN && !isTurned(header)
}

/** Whether the array is column-major and not also row-major. */
export function isTurned({ isFortran, shape }: NpyHeader): boolean {
  return isFortran && shape.filter((side) => side !== 1).length > 1 && !shape.includes(0)
}

/**
 * The elements as an array of `shape`: a view of `bytes` if they have the right form, otherwise
 * converted.
 *
 * @param bytes exactly the data of `shape`
 * @param isOwn whether `bytes` may be overwritten
 */
export function* decodeData(
  header: NpyHeader,
  bytes: Uint8Array,
  isOwn: boolean,
  shape: readonly number[] = header.shape,
): Routine<AnyNdArray, never> {
  if (liesAsIs(header)) return arrayOf(header, bytes, shape)
  const partBytes = DATA_CLASSES[header.dtype].BYTES_PER_ELEMENT
  let data = bytes
  if (isTurned(header)) {
    data = yield* toRowMajor(bytes, shape, partBytes * header.parts)
  } else if (!isOwn) data = new Uint8Array(bytes)
  if (header.isBigEndian === IS_LITTLE_ENDIAN && partBytes > 1) {
    for (let at = 0; at < data.byteLength; at += TURN_BYTES) {
      if (at > 0) yield TURN
      swapBytes(data.subarray(at, at + TURN_BYTES), partBytes)
    }
  }
  return arrayOf(header, data, shape)
}

/** The elements of an array in the right form, from `offset` to the end of `bytes`. */
export function arrayOf(
  header: NpyHeader,
  bytes: Uint8Array,
  shape: readonly number[],
  offset = 0,
): AnyNdArray {
  const { dtype, parts } = header
  const data = viewAs(dtype, bytes, offset)
  return { data, dtype, shape: parts === 2 ? [...shape, 2] : shape.slice() } as AnyNdArray
}
