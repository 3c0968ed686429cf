/** The typed array that holds each dtype. The names are those of ONNX Runtime's tensors. */
export interface DataOf {
  /** One byte per element, 0 or 1. */
  readonly bool: Uint8Array
  readonly uint8: Uint8Array
  readonly int8: Int8Array
  readonly uint16: Uint16Array
  readonly int16: Int16Array
  readonly uint32: Uint32Array
  readonly int32: Int32Array
  readonly uint64: BigUint64Array
  readonly int64: BigInt64Array
  /**
   * The bits of IEEE 754 half precision. `Float16Array`, where the runtime has it, is accepted too,
   * and is then also what comes out.
   */
  readonly float16: Uint16Array
  readonly float32: Float32Array
  readonly float64: Float64Array
}

/** Name of an element type: `'uint8'`, `'float32'`, … */
export type DType = keyof DataOf

/** A typed array of any dtype. */
export type Data = DataOf[DType]

/**
 * A dense array of any rank, row-major and without padding. onnxruntime, transformers.js, tfjs and
 * WebGPU take it as it is. `data` may be a view of a larger buffer; its length is the product of
 * `shape`.
 */
export interface NdArray<D extends DType = DType> {
  readonly data: DataOf[D]
  readonly dtype: D
  readonly shape: readonly number[]
}

/** Constructor of a typed array, with its own memory or as a view. */
export interface DataConstructor {
  readonly BYTES_PER_ELEMENT: number
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): Data
  new (length: number): Data
}

/** The constructors, by dtype. */
export const constructors: { readonly [D in DType]: DataConstructor } = {
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

/** Whether elements of a dtype are bigints. */
export function isBigInt(dtype: DType): boolean {
  return dtype === 'int64' || dtype === 'uint64'
}

/** The dtype of a bare typed array; `undefined` if the value is not a typed array. */
export function dtypeOf(data: unknown): DType | undefined {
  if (!ArrayBuffer.isView(data)) return undefined
  return dtypes[data[Symbol.toStringTag as never] as unknown as string]
}

const dtypes: { readonly [name: string]: DType } = {
  Uint8Array: 'uint8',
  Uint8ClampedArray: 'uint8',
  Int8Array: 'int8',
  Uint16Array: 'uint16',
  Int16Array: 'int16',
  Uint32Array: 'uint32',
  Int32Array: 'int32',
  BigUint64Array: 'uint64',
  BigInt64Array: 'int64',
  Float16Array: 'float16',
  Float32Array: 'float32',
  Float64Array: 'float64',
}

/** Whether a value is an {@link NdArray}, by its members. */
export function isNdArray(value: unknown): value is NdArray {
  if (typeof value !== 'object' || value === null) return false
  const { data, dtype, shape } = value as Partial<NdArray>
  return ArrayBuffer.isView(data) && typeof dtype === 'string' && Array.isArray(shape)
}
