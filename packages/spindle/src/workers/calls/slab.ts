import { writeFully } from './file-bytes.ts'

/** Bytes that a slab may hold at once. What does not fit goes with the message. */
const MOST_BYTES = 2 ** 28
/** Regions begin at multiples of this. */
const ALIGNMENT = 64

interface Region {
  readonly offset: number
  readonly length: number
  readonly slot: number
  readonly part: number
}

/**
 * The writer's side of a file in which large buffers lie on their way to another process. Regions
 * are used again and again.
 */
export class Slab {
  readonly #file: number
  /** In the order of their offsets. */
  #regions: Region[] = []
  #isFull = false

  constructor(file: number) {
    this.#file = file
  }

  /**
   * Writes bytes and gives their offset, or `undefined` if there is no place. They belong to `slot`
   * and `part` until {@link release}.
   */
  write(bytes: Uint8Array, slot: number, part: number): number | undefined {
    if (this.#isFull) return undefined
    const { length } = bytes
    let at = 0
    let offset = 0
    for (; at < this.#regions.length; at++) {
      const region = this.#regions[at] as Region
      if (region.offset - offset >= length) break
      offset = Math.ceil((region.offset + region.length) / ALIGNMENT) * ALIGNMENT
    }
    if (offset + length > MOST_BYTES) return undefined
    try {
      writeFully(this.#file, bytes, offset)
    } catch {
      // The file system is full, and others are in need, too: from now on without it.
      this.#isFull = true
      return undefined
    }
    this.#regions.splice(at, 0, { offset, length, slot, part })
    return offset
  }

  /** The reader has what belongs to a slot, up to that part. */
  release(slot: number, part: number): void {
    if (this.#regions.length === 0) return
    this.#regions = this.#regions.filter((region) => region.slot !== slot || region.part > part)
  }
}
