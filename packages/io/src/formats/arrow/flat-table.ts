import { damaged } from '../../base/errors.ts'

/** A message in a file or stream. */
export interface MessagePlace {
  readonly offset: number
  /** Size of length, metadata and body, in bytes. */
  readonly size: number
}

/** A table of a FlatBuffer. */
export class FlatTable {
  readonly #view: DataView
  readonly #start: number

  /** @param at where the distance to the table is; by default that of the root */
  constructor(bytes: Uint8Array | DataView, at = 0) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#start = this.#checked(() => at + this.#view.getInt32(at, true))
  }

  table(index: number): FlatTable | undefined {
    const at = this.#field(index)
    return at === 0 ? undefined : new FlatTable(this.#view, at)
  }

  /** Position of a field; 0 if it is not there. */
  #field(index: number): number {
    return this.#checked(() => {
      const table = this.#start - this.#view.getInt32(this.#start, true)
      const size = this.#view.getUint16(table, true)
      const entry = 4 + 2 * index
      const offset = entry + 2 <= size ? this.#view.getUint16(table + entry, true) : 0
      return offset === 0 ? 0 : this.#start + offset
    })
  }

  uint8(index: number): number {
    const at = this.#field(index)
    return at === 0 ? 0 : this.#checked(() => this.#view.getUint8(at))
  }

  int64(index: number): number {
    const at = this.#field(index)
    return at === 0 ? 0 : this.#checked(() => Number(this.#view.getBigInt64(at, true)))
  }

  /** The tables of a vector. */
  tables(index: number): FlatTable[] {
    const places = this.#vector(index, 4)
    return places.map((at) => new FlatTable(this.#view, at))
  }

  /** @throws MediaError `ERR_DECODE` for a vector that is longer than there are bytes */
  checkVector(index: number, elementBytes: number): void {
    this.#vector(index, elementBytes)
  }

  /** The positions of the elements of a vector. */
  #vector(index: number, elementBytes: number): number[] {
    const at = this.#field(index)
    if (at === 0) return []
    return this.#checked(() => {
      const vector = at + this.#view.getInt32(at, true)
      const count = this.#view.getInt32(vector, true)
      if (count < 0 || vector + 4 + elementBytes * count > this.#view.byteLength)
        throw new RangeError()
      return Array.from({ length: count }, (_, i) => vector + 4 + elementBytes * i)
    })
  }

  /** A vector of blocks: places of messages. */
  blocks(index: number): MessagePlace[] {
    return this.#vector(index, 24).map((block) =>
      this.#checked(() => {
        const offset = Number(this.#view.getBigInt64(block, true))
        const metadata = this.#view.getInt32(block + 8, true)
        const body = Number(this.#view.getBigInt64(block + 16, true))
        return { offset, size: metadata + body }
      }),
    )
  }

  #checked<T>(read: () => T): T {
    try {
      return read()
    } catch (error) {
      if (error instanceof RangeError) throw damaged('damaged: metadata that point outside')
      throw error
    }
  }
}
