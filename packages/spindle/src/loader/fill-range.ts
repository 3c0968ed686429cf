import type { Data } from './array.ts'

/** Number of elements copied by one call. More elements per call are not faster. */
const PATTERN = 2048

/**
 * Writes one value repeatedly into parts of arrays of one type. In shared memory it copies from an
 * array of that value, because `fill()` writes one element at a time there: it takes twice as long
 * for floats and ten times as long for bytes.
 */
export class Filler {
  readonly #value: number | bigint
  #pattern: Data | undefined

  constructor(value: number | bigint) {
    this.#value = value
  }

  fill(data: Data, start: number, end: number): void {
    const target = data as Uint8Array
    if (target.buffer instanceof ArrayBuffer) {
      target.fill(this.#valueFor(data), start, end)
      return
    }
    const pattern = this.#patternFor(data)
    for (let at = start; at < end; at += pattern.length)
      target.set(end - at < pattern.length ? pattern.subarray(0, end - at) : pattern, at)
  }

  #patternFor(data: Data): Uint8Array {
    if (this.#pattern === undefined) {
      const Data = data.constructor as new (length: number) => Data
      this.#pattern = new Data(Math.min(PATTERN, data.length))
      ;(this.#pattern as Uint8Array).fill(this.#valueFor(data))
    }
    return this.#pattern as Uint8Array
  }

  /** The value in the array's element type, which the callers' casts hide. */
  #valueFor(data: Data): number {
    const isWide = data instanceof BigInt64Array || data instanceof BigUint64Array
    return (isWide ? BigInt(this.#value) : Number(this.#value)) as number
  }
}
