import type { DType, NdArray } from 'spindle/loader'

// Arrays are defined once, in `spindle`.
export type { DataOf, DType, NdArray } from 'spindle/loader'

/**
 * An array whose dtype depends on the file. `if (array.dtype === 'float32')` narrows its `data` to
 * a `Float32Array`.
 */
export type AnyNdArray = { readonly [D in DType]: NdArray<D> }[DType]
