/** A constructor of typed arrays: `Float32Array`. */
export interface SharedViewConstructor<V extends ArrayBufferView> {
  readonly name: string
  readonly BYTES_PER_ELEMENT: number
  new (buffer: SharedArrayBuffer, byteOffset: number, length: number): V
}

/** A typed array over shared memory. */
export type SharedView<V extends ArrayBufferView> = V extends Uint8Array
  ? Uint8Array<SharedArrayBuffer>
  : V extends Uint8ClampedArray
    ? Uint8ClampedArray<SharedArrayBuffer>
    : V extends Int8Array
      ? Int8Array<SharedArrayBuffer>
      : V extends Uint16Array
        ? Uint16Array<SharedArrayBuffer>
        : V extends Int16Array
          ? Int16Array<SharedArrayBuffer>
          : V extends Uint32Array
            ? Uint32Array<SharedArrayBuffer>
            : V extends Int32Array
              ? Int32Array<SharedArrayBuffer>
              : V extends Float32Array
                ? Float32Array<SharedArrayBuffer>
                : V extends Float64Array
                  ? Float64Array<SharedArrayBuffer>
                  : V extends BigInt64Array
                    ? BigInt64Array<SharedArrayBuffer>
                    : V extends BigUint64Array
                      ? BigUint64Array<SharedArrayBuffer>
                      : V
