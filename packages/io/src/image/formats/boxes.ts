/**
 * Content of the first box with that type among consecutive boxes (ISO/IEC 14496-12, 4.2);
 * `undefined` if there is none.
 */
export function findBox(bytes: Buffer | undefined, wanted: string): Buffer | undefined {
  for (const { type, body } of boxes(bytes)) if (type === wanted) return body
  return undefined
}

/** Consecutive boxes, each with its type and content. */
export function* boxes(
  bytes: Buffer | undefined,
): Generator<{ readonly type: string; readonly body: Buffer }> {
  if (bytes === undefined) return
  for (let at = 0; at + 8 <= bytes.length; ) {
    const size = bytes.readUInt32BE(at) || bytes.length - at // 0: to the end
    if (size < 8) return
    yield {
      type: bytes.toString('latin1', at + 4, at + 8),
      body: bytes.subarray(at + 8, at + size),
    }
    at += size
  }
}

/** Reads consecutive integers. After the end it throws a `RangeError`. */
export class BoxReader {
  readonly #box: Buffer
  #at = 0

  constructor(box: Buffer) {
    this.#box = box
  }

  /** A big-endian number of up to 4, or 8 bytes; 0 for no bytes. */
  number(bytes: number): number {
    const high = bytes === 8 ? this.number(4) * 2 ** 32 : 0
    const length = Math.min(bytes, 4)
    const value = length === 0 ? 0 : this.#box.readUIntBE(this.#at, length)
    this.#at += length
    return high + value
  }

  text(bytes: number): string {
    this.#at += bytes
    return this.#box.toString('latin1', this.#at - bytes, this.#at)
  }

  skip(bytes: number): void {
    this.#at += bytes
  }

  /** The box that begins here, without its header. */
  box(): Buffer {
    const size = this.number(4)
    if (size < 8) throw new RangeError('a box is too small')
    this.skip(size - 4)
    return this.#box.subarray(this.#at - size + 8, this.#at)
  }
}
