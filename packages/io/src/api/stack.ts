import type { DataOf, DType, NdArray } from '../base/array.ts'
import { checkNdArray, DATA_CLASSES } from '../base/dtypes.ts'
import { badOption } from '../base/errors.ts'
import { sampleMemory } from '../base/sample-memory.ts'

/**
 * Combines arrays of one dtype and shape along a new first axis: images become a batch. One
 * allocation, one copy; none of samples of a loader in threads that `preprocess` gave up by
 * `move()`, whose memory becomes the batch.
 *
 * @returns shape `[arrays.length, ...shape]`
 * @throws MediaError `ERR_BAD_OPTION` for an empty list, or arrays that differ in dtype or shape
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { stack } from '@spindle/io'
 *
 * const row = { data: Float32Array.of(1, 2), dtype: 'float32', shape: [2] } as const
 * assert.deepEqual(stack([row, row, row]).shape, [3, 2])
 * ```
 */
export function stack<D extends DType>(arrays: readonly NdArray<D>[]): NdArray<D> {
  const first = arrays[0]
  if (first === undefined) throw badOption('arrays', 'at least one array', arrays)
  for (const [index, array] of arrays.entries()) checkArray(array, `arrays[${index}]`)
  const size = first.data.length
  const Data = (isHalf(first) ? first.data.constructor : DATA_CLASSES[first.dtype]) as new (
    memory: ArrayBufferLike,
  ) => DataOf[D]
  checkAlike(arrays)
  const joined = sampleMemory()?.takeJoined(arrays.map(({ data }) => data))
  if (joined !== undefined)
    return { data: new Data(joined), dtype: first.dtype, shape: [arrays.length, ...first.shape] }
  // Not cleared, because every element is written.
  const data = new Data(uncleared(first.data.byteLength * arrays.length))
  for (const [index, array] of arrays.entries()) copy(data, array.data, index * size)
  return { data, dtype: first.dtype, shape: [arrays.length, ...first.shape] }
}

function checkAlike(arrays: readonly NdArray[]): void {
  const first = arrays[0]!
  for (const [index, array] of arrays.entries()) {
    if (array.dtype !== first.dtype || String(array.shape) !== String(first.shape)) {
      const expected = `${first.dtype} [${first.shape}], as the first one is`
      throw badOption(`arrays[${index}]`, expected, `${array.dtype} [${array.shape}]`)
    }
    // Between a Float16Array and bits in a Uint16Array, `set` would convert.
    if (isHalf(array) !== isHalf(first))
      throw badOption(`arrays[${index}].data`, 'of the class that the first one has', array.data)
  }
}

/** Like `checkNdArray`, but also accepts the classes of bytes and halves. */
function checkArray(array: NdArray, name: string): void {
  const data: unknown = array?.data
  if (isHalf(array)) checkNdArray({ ...array, data: new Uint16Array(array.data.length) }, name)
  else if (data instanceof Uint8ClampedArray)
    checkNdArray(
      { ...array, data: new Uint8Array(data.buffer, data.byteOffset, data.length) },
      name,
    )
  else checkNdArray(array, name)
}

function isHalf(array: NdArray): boolean {
  return (
    array?.dtype === 'float16' && (array.data?.[Symbol.toStringTag] as string) === 'Float16Array'
  )
}

/** `set` of typed arrays takes numbers or bigints; both arrays are of one dtype here. */
function copy(to: DataOf[DType], from: DataOf[DType], at: number): void {
  const target = to as Uint8Array
  target.set(from as Uint8Array, at)
}

function uncleared(byteLength: number): ArrayBufferLike {
  return byteLength === 0 ? new ArrayBuffer(0) : Buffer.allocUnsafeSlow(byteLength).buffer
}
