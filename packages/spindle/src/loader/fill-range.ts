import type { Data } from './array.ts'

/** Elements that are written by one call: more gain nothing. */
const PATTERN = 16_384

/**
 * Writes one value again and again into parts of arrays of one type. `fill()` takes one element after the other where memory is shared, and boxes a
 * bigint for each call; copying from an array of the value costs a tenth there, and no more elsewhere.
 */
export class Filler {
  readonly #value: number | bigint
  #pattern: Data | undefined

  constructor(value: number | bigint) {
    this.#value = value
  }

  fill(data: Data, start: number, end: number): void {
    const target = data as Uint8Array
    const pattern = this.#patternFor(data) as Uint8Array
    for (let at = start; at < end; at += pattern.length)
      target.set(end - at < pattern.length ? pattern.subarray(0, end - at) : pattern, at)
  }

  #patternFor(data: Data): Data {
    if (this.#pattern === undefined) {
      const Data = data.constructor as new (length: number) => Data
      this.#pattern = new Data(Math.min(PATTERN, data.length))
      const isWide = data instanceof BigInt64Array || data instanceof BigUint64Array
      ;(this.#pattern as Uint8Array).fill((isWide ? BigInt(this.#value) : Number(this.#value)) as number)
    }
    return this.#pattern
  }
}
