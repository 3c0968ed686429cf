import type { DType, NdArray } from './array.ts'

/** The dtypes that numbers can become. */
export type NumberDType = Exclude<DType, 'bool' | 'float16'>

/**
 * The type of a batch of `T`s: numbers become arrays of dtype `N`, or of the dtype that `K` has for
 * their path.
 */
export type Collated<T, N extends NumberDType = 'float64', K = object, Path extends string = ''> =
  T extends NdArray<infer D>
    ? NdArray<D>
    : T extends number | readonly number[]
      ? NdArray<Path extends keyof K ? Extract<K[Path], NumberDType> : N>
      : T extends bigint | readonly bigint[]
        ? NdArray<'int64'>
        : T extends boolean
          ? NdArray<'bool'>
          : T extends ArrayBufferView
            ? NdArray<DTypeOf<T>>
            : T extends string | null | undefined
              ? T[]
              : T extends object
                ? { [P in keyof T]: Collated<T[P], N, K, Joined<Path, P>> }
                : T[]

type Joined<Path extends string, P> = P extends string ? (Path extends '' ? P : `${Path}.${P}`) : ''

type DTypeOf<T> = T extends { readonly [Symbol.toStringTag]: infer Tag }
  ? Tag extends keyof DTypeOfTag
    ? DTypeOfTag[Tag]
    : never
  : never

interface DTypeOfTag {
  readonly Uint8Array: 'uint8'
  readonly Uint8ClampedArray: 'uint8'
  readonly Int8Array: 'int8'
  readonly Uint16Array: 'uint16'
  readonly Int16Array: 'int16'
  readonly Uint32Array: 'uint32'
  readonly Int32Array: 'int32'
  readonly BigUint64Array: 'uint64'
  readonly BigInt64Array: 'int64'
  readonly Float16Array: 'float16'
  readonly Float32Array: 'float32'
  readonly Float64Array: 'float64'
}
