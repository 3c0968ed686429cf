/** The typed array that holds each dtype. The names are those of ONNX Runtime's tensors. */
export interface DataOf {
  /** One byte an element, 0 or 1. */
  readonly bool: Uint8Array
  readonly uint8: Uint8Array
  readonly int8: Int8Array
  readonly uint16: Uint16Array
  readonly int16: Int16Array
  readonly uint32: Uint32Array
  readonly int32: Int32Array
  readonly uint64: BigUint64Array
  readonly int64: BigInt64Array
  /** The bits of IEEE 754 half precision, which onnxruntime takes in every Node; `Float16Array` exists from Node 24 on. */
  readonly float16: Uint16Array
  readonly float32: Float32Array
  readonly float64: Float64Array
}

/** Name of an element type: `'uint8'`, `'float32'`, … */
export type DType = keyof DataOf

/**
 * A dense array of any rank, row-major and without padding: what onnxruntime, transformers.js, tfjs and WebGPU take as it is.
 * `data` may be a view of a larger buffer; its length is the product of `shape`.
 */
export interface NdArray<D extends DType = DType> {
  readonly data: DataOf[D]
  readonly dtype: D
  readonly shape: readonly number[]
}

/** An array whose dtype only the file tells: `if (array.dtype === 'float32')` makes a `Float32Array` of its `data`. */
export type AnyNdArray = { readonly [D in DType]: NdArray<D> }[DType]
