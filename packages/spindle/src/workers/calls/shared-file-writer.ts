import { writeFully } from '../memory/unnamed-file.ts'

/** Maximum number of bytes in the file at a time. Further buffers are sent within the message. */
const MOST_BYTES = 2 ** 28
/** Alignment of regions, in bytes. */
const ALIGNMENT = 64

interface Region {
  readonly offset: number
  readonly length: number
  readonly slot: number
  readonly part: number
}

/**
 * The writer's side of a file that carries large buffers to another process. Regions are reused.
 */
export class SharedFileWriter {
  readonly #file: number
  /** In the order of their offsets. */
  #regions: Region[] = []
  #isFull = false

  constructor(file: number) {
    this.#file = file
  }

  /**
   * Writes bytes and returns their offset, or `undefined` if there is no room. They belong to
   * `slot` and `part` until {@link release}.
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
      // The file system is full and other programs need space too, so the file is not used from now
      // on.
      this.#isFull = true
      return undefined
    }
    this.#regions.splice(at, 0, { offset, length, slot, part })
    return offset
  }

  /** The reader has read the values of a slot up to `part`. */
  release(slot: number, part: number): void {
    if (this.#regions.length === 0) return
    this.#regions = this.#regions.filter((region) => region.slot !== slot || region.part > part)
  }
}
