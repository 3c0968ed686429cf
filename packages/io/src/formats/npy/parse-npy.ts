import type { Rules } from 'spindle/options'
import type { AnyNdArray, NdArray } from '../../base/array.ts'
import { bytesOf, DATA_CLASSES, sizeOf, viewOfBytes } from '../../base/dtypes.ts'
import { badOption, damaged, withSource } from '../../base/errors.ts'
import { mediaOptions } from '../../base/options.ts'
import { MemoryReader } from '../../files/reader.ts'
import { type Routine, runSync } from '../../files/routine.ts'
import { describeSource } from '../../files/source.ts'
import { arrayOf, decodeData, isTurned, liesAsIs, type RowRange } from './npy-data.ts'
import { dataOffsetOf, type NpyHeader, readHead } from './npy-header.ts'
import { rowsRule, rowsWithin } from './npy-rows.ts'

/** Options of `parseNpy`. */
export interface ParseNpyOptions {
  /**
   * Only these rows of the first axis, `[start, end)`; an `end` behind the last row means all.
   * Default: all.
   */
  readonly rows?: readonly [start: number, end: number]
}

const parseOptions = mediaOptions('ParseNpyOptions', {
  rows: rowsRule,
} satisfies Rules<ParseNpyOptions>)

/**
 * Reads an array in NumPy's npy format (versions 1 to 3) from memory, synchronously.
 *
 * `data` is a view of `bytes`, without a copy, where they lie as they should: row-major,
 * little-endian and at a multiple of the element's size in memory. It is a copy otherwise:
 * column-major (Fortran) arrays are turned, big-endian ones swapped. A view keeps the bytes alive,
 * changes with them, and is of shared memory where they are.
 *
 * Complex numbers become float32 or float64 with a last axis `[real, imaginary]`; float16 stays as
 * its bits, in a `Uint16Array`.
 *
 * @returns row-major; a 0-d array has shape `[]` and one element
 * @throws MediaError with `code`
 * - `ERR_DECODE`: not an npy file, damaged, or truncated. What follows the array is passed over, as
 *   NumPy does
 * - `ERR_UNSUPPORTED`: objects, text, times, structured dtypes
 * - `ERR_BAD_OPTION`: an option is unknown or breaks its rule
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { encodeNpy, parseNpy } from '@spindle/io'
 *
 * const bytes = encodeNpy({ data: Float32Array.of(1, 2, 3, 4, 5, 6), dtype: 'float32', shape: [3, 2] })
 * const array = parseNpy(bytes, { rows: [1, 3] })
 * assert.equal(array.dtype, 'float32')
 * assert.deepEqual(array.shape, [2, 2])
 * assert.deepEqual([...array.data], [3, 4, 5, 6])
 * assert.equal(array.data.buffer, bytes.buffer) // a view
 * ```
 */
export function parseNpy(
  bytes: Uint8Array | ArrayBuffer | SharedArrayBuffer,
  options?: ParseNpyOptions,
): AnyNdArray {
  const view = viewOfBytes(bytes)
  if (options !== undefined) parseOptions.check(options)
  try {
    return decodeNpy(view, options?.rows)
  } catch (error) {
    throw withSource(error, describeSource(view))
  }
}

/** A whole file in memory -> the array. Faults do not name the source. */
function decodeNpy(bytes: Uint8Array, rows: RowRange | undefined): AnyNdArray {
  if (rows === undefined) {
    const { header, dataOffset } = readHead(bytes)
    checkLength(header, bytes.byteLength - dataOffset)
    const end = dataOffset + header.dataBytes
    const data = bytes.byteLength === end ? bytes : bytes.subarray(0, end)
    // The common way, without a routine: it is taken a million times a second.
    if (liesAsIs(header)) return arrayOf(header, data, header.shape, dataOffset)
  }
  return runSync(readNpy(0, bytes.byteLength, rows, false), { reader: new MemoryReader(bytes) })
}

/**
 * An npy that lies in a file from `base` on and is `size` bytes long -> the array, or only its
 * rows. Faults do not name the source.
 *
 * @param isOwn whether what is read may be overwritten
 * @param into where the elements go
 */
export function* readNpy(
  base: number,
  size: number,
  rows: RowRange | undefined,
  isOwn: boolean,
  into?: NdArray,
): Routine<AnyNdArray> {
  if (rows === undefined && into === undefined) {
    if (size > ONE_READ_BYTES)
      dataOffsetOf(yield { kind: 'read', offset: base, length: USUAL_HEAD_BYTES })
    // One read. The data then begins behind the header, at a multiple of 16 (64 since NumPy 1.14).
    return yield* decodeWhole(yield { kind: 'read', offset: base, length: size }, isOwn)
  }
  let head = yield { kind: 'read', offset: base, length: Math.min(size, USUAL_HEAD_BYTES) }
  const dataOffset = dataOffsetOf(head)
  if (dataOffset > head.byteLength && dataOffset <= size) {
    head = yield { kind: 'read', offset: base, length: dataOffset }
  }
  const { header } = readHead(head)
  checkLength(header, size - dataOffset)
  const range = rows === undefined ? undefined : rowsWithin(rows, header.shape)
  if (into === undefined) return yield* readPart(header, base + dataOffset, range, isOwn)
  checkInto(into, header, range)
  const array = yield* readPart(header, base + dataOffset, range, isOwn, bytesOf(into.data))
  // What had to be converted lies elsewhere.
  const isThere =
    array.data.buffer === into.data.buffer && array.data.byteOffset === into.data.byteOffset
  if (!isThere) (into.data as Uint8Array).set(array.data as Uint8Array)
  return into as AnyNdArray
}

/**
 * A whole npy in memory -> the array or its rows, with turns for the loop where it must be
 * converted.
 */
export function* decodeWhole(
  bytes: Uint8Array,
  isOwn: boolean,
  rows?: RowRange,
): Routine<AnyNdArray, never> {
  const { header, dataOffset } = readHead(bytes)
  checkLength(header, bytes.byteLength - dataOffset)
  const whole = yield* decodeData(
    header,
    bytes.subarray(dataOffset, dataOffset + header.dataBytes),
    isOwn,
  )
  return rows === undefined ? whole : cutRows(whole, rowsWithin(rows, header.shape))
}

/** Larger files are looked at before they are read: they may be something else. */
const ONE_READ_BYTES = 64 * 1024 * 1024

/** Covers the header that NumPy writes for all but structured dtypes. */
const USUAL_HEAD_BYTES = 256

/**
 * Reads all or some rows, and nothing else, unless these lie scattered over a column-major array.
 */
function* readPart(
  header: NpyHeader,
  dataOffset: number,
  rows: RowRange | undefined,
  isOwn: boolean,
  into?: Uint8Array,
): Routine<AnyNdArray> {
  const { shape, dataBytes } = header
  const [start, end] = rows ?? [0, shape[0] ?? 1]
  const target = into === undefined || !liesAsIs(header) ? {} : { into }
  if (rows === undefined || isTurned(header)) {
    const bytes = yield { kind: 'read', offset: dataOffset, length: dataBytes, ...target }
    const whole = yield* decodeData(header, bytes, isOwn)
    return rows === undefined ? whole : cutRows(whole, rows)
  }
  const someRows = [end - start, ...shape.slice(1)]
  const elementBytes = header.parts * DATA_CLASSES[header.dtype].BYTES_PER_ELEMENT
  const rowBytes = sizeOf(shape.slice(1)) * elementBytes
  const offset = dataOffset + start * rowBytes
  const bytes = yield { kind: 'read', offset, length: rowBytes * (end - start), ...target }
  return yield* decodeData(header, bytes, isOwn, someRows)
}

function checkInto(into: NdArray, header: NpyHeader, rows: RowRange | undefined): void {
  const { dtype, parts } = header
  const whole = parts === 2 ? [...header.shape, 2] : header.shape
  const shape = rows === undefined ? whole : [rows[1] - rows[0], ...whole.slice(1)]
  if (into.dtype === dtype && String(into.shape) === String(shape)) return
  const rule = `${dtype} [${shape.join(', ')}], as the file has`
  throw badOption('into', rule, `${into.dtype} [${into.shape.join(', ')}]`)
}

/** Some rows of an array, in memory of their own. */
function cutRows({ data, dtype, shape }: AnyNdArray, [start, end]: RowRange): AnyNdArray {
  const rowSize = sizeOf(shape.slice(1))
  const rows = data.slice(start * rowSize, end * rowSize)
  return { data: rows, dtype, shape: [end - start, ...shape.slice(1)] } as AnyNdArray
}

/** What follows the data is passed over, as NumPy does: a file may have one array after another. */
function checkLength({ dtype, shape, dataBytes }: NpyHeader, available: number): void {
  if (dataBytes <= available) return
  const needed = `${dtype} [${shape.join(', ')}] has ${dataBytes} bytes`
  throw damaged(`truncated: ${needed}, but only ${available} are there`)
}
