import type { DType, NdArray } from 'spindle/loader'

// What arrays are is said once, in the package that this one stands on.
export type { DataOf, DType, NdArray } from 'spindle/loader'

/**
 * An array whose dtype only the file tells: `if (array.dtype === 'float32')` makes a `Float32Array`
 * of its `data`.
 */
export type AnyNdArray = { readonly [D in DType]: NdArray<D> }[DType]
