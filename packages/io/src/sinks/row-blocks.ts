import type { AnyNdArray, DType, NdArray } from '../base/array.ts'
import { bytesOf, checkNdArray, DATA_CLASSES, IS_LITTLE_ENDIAN, swapBytes } from '../base/dtypes.ts'
import { MediaError } from '../base/errors.ts'

/**
 * Rows of one array that come batch by batch. All batches have the same dtype and the same shape
 * but for their first side, which counts the rows.
 */
export class RowBlocks {
  readonly #name: string
  #dtype: DType | undefined
  #rowShape: readonly number[] = []
  rows = 0
  bytes = 0
  /** Copies of the batches' bytes, little-endian. */
  readonly blocks: Buffer[] = []

  constructor(name: string) {
    this.#name = name
  }

  get dtype(): DType {
    return this.#dtype as DType
  }

  get shape(): number[] {
    return [this.rows, ...this.#rowShape]
  }

  /** The array that a batch is: a typed array is a batch of numbers. @throws if it does not fit */
  check(batch: unknown): NdArray {
    const array = ArrayBuffer.isView(batch) ? fromTyped(batch) : batch
    checkNdArray(array, this.#name)
    const { dtype, shape } = array
    if (shape.length === 0)
      throw new MediaError(
        'ERR_BAD_OPTION',
        `\`${this.#name}\` must have rows, got a single number`,
      )
    const isSame =
      this.#dtype === undefined ||
      (dtype === this.#dtype &&
        shape.length === this.#rowShape.length + 1 &&
        this.#rowShape.every((side, at) => side === shape[at + 1]))
    if (isSame) return array
    throw new MediaError(
      'ERR_BAD_OPTION',
      `\`${this.#name}\` must have dtype ${this.#dtype} and rows of shape [${this.#rowShape}] as before, got ${dtype} and [${shape.slice(1)}]`,
    )
  }

  /** Adds a batch that was checked. It is copied, so its memory may be reused. */
  add({ data, dtype, shape }: NdArray): void {
    this.#dtype = dtype
    this.#rowShape = shape.slice(1)
    this.rows += shape[0] as number
    const bytes = Buffer.from(bytesOf(data))
    if (!IS_LITTLE_ENDIAN) swapBytes(bytes, DATA_CLASSES[dtype].BYTES_PER_ELEMENT)
    this.bytes += bytes.byteLength
    if (bytes.byteLength > 0) this.blocks.push(bytes)
  }
}

function fromTyped(view: ArrayBufferView): AnyNdArray {
  const found = Object.entries(DATA_CLASSES).find(
    ([dtype, Data]) => dtype !== 'bool' && dtype !== 'float16' && view.constructor === Data,
  )
  const data = view as Float32Array
  return { data, dtype: (found?.[0] ?? 'float32') as 'float32', shape: [data.length] }
}
