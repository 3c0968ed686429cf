import type { Data } from './array.ts'

/** Elements that are copied by one call: more gain nothing. */
const PATTERN = 2048

/**
 * Writes one value again and again into parts of arrays of one type. In shared memory it copies
 * from an array of the value, since `fill()` takes one element after the other there: twice as long
 * for floats, ten times for bytes.
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

  /** In the type that the array takes, which the caller's casts do not know. */
  #valueFor(data: Data): number {
    const isWide = data instanceof BigInt64Array || data instanceof BigUint64Array
    return (isWide ? BigInt(this.#value) : Number(this.#value)) as number
  }
}
