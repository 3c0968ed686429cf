import { damaged } from '../../../base/errors.ts'

// The hybrid of run lengths and bit packing (parquet-format, Encodings.md): levels, indices of
// dictionaries and booleans.

/** Reads the runs of a hybrid. */
class Runs {
  readonly bytes: Uint8Array
  readonly width: number
  readonly view: DataView
  at: number
  readonly end: number

  constructor(bytes: Uint8Array, at: number, end: number, width: number) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.at = at
    this.end = end
    this.width = width
  }

  header(): number {
    let value = 0
    for (let factor = 1; factor <= 2 ** 35; factor *= 128) {
      if (this.at >= this.end) throw damaged('damaged: levels or indices are cut off')
      const byte = this.bytes[this.at++]!
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
    throw damaged('damaged: a run without an end')
  }

  /** The value of a run. */
  value(): number {
    const bytes = (this.width + 7) >> 3
    if (this.at + bytes > this.end) throw damaged('damaged: levels or indices are cut off')
    let value = 0
    for (let i = 0; i < bytes; i++) value += this.bytes[this.at++]! * 2 ** (8 * i)
    return value
  }

  /**
   * Unpacks values of `width` bits. Bytes may be missing behind the last value.
   *
   * @returns the largest value
   */
  unpack(count: number, groups: number, out: Uint8Array | Int32Array, to: number): number {
    const { bytes, width, view } = this
    const from = this.at
    if (from + Math.ceil((count * width) / 8) > this.end)
      throw damaged('damaged: levels or indices are cut off')
    this.at = Math.min(from + groups * width, this.end)
    if (width > 25) return this.#unpackWide(count, out, to, from)
    const mask = 2 ** width - 1
    // Four bytes at a time, as long as there are four.
    const fast = Math.min(count, Math.floor((8 * (bytes.length - from - 4)) / width))
    let most = 0
    let bit = 0
    let i = 0
    for (; i < fast; i++, bit += width) {
      const value = (view.getUint32(from + (bit >>> 3), true) >>> (bit & 7)) & mask
      out[to + i] = value
      if (value > most) most = value
    }
    return Math.max(most, this.#unpackWide(count - i, out, to + i, from, bit))
  }

  #unpackWide(
    count: number,
    out: Uint8Array | Int32Array,
    to: number,
    from: number,
    skipped = 0,
  ): number {
    const { bytes, width } = this
    let most = 0
    for (let i = 0, bit = from * 8 + skipped; i < count; i++, bit += width) {
      let value = 0
      for (let done = 0; done < width; ) {
        const at = bit + done
        const take = Math.min(8 - (at & 7), width - done)
        value += ((bytes[Math.floor(at / 8)]! >> (at & 7)) & ((1 << take) - 1)) * 2 ** done
        done += take
      }
      out[to + i] = value
      if (value > most) most = value
    }
    return most
  }
}

/**
 * Reads `count` values of `width` bits into `out` from `to` on.
 *
 * @returns the largest of them
 */
export function readHybrid(
  bytes: Uint8Array,
  at: number,
  end: number,
  width: number,
  count: number,
  out: Uint8Array | Int32Array,
  to: number,
): number {
  if (width === 0) {
    out.fill(0, to, to + count)
    return 0
  }
  const runs = new Runs(bytes, at, end, width)
  let most = 0
  for (let done = 0; done < count; ) {
    const header = runs.header()
    const groups = Math.floor(header / 2)
    if (header % 2 === 0) {
      const length = Math.min(groups, count - done)
      if (length === 0) throw damaged('damaged: an empty run')
      const value = runs.value()
      if (value > most) most = value
      out.fill(value, to + done, to + done + length)
      done += length
      continue
    }
    const length = Math.min(groups * 8, count - done)
    if (length === 0) throw damaged('damaged: an empty run')
    most = Math.max(most, runs.unpack(length, groups, out, to + done))
    done += length
  }
  return most
}

/** Whether `count` levels are all `level`, and are written as runs. */
export function areAll(
  bytes: Uint8Array,
  at: number,
  end: number,
  width: number,
  count: number,
  level: number,
): boolean {
  const runs = new Runs(bytes, at, end, width)
  for (let done = 0; done < count; ) {
    const header = runs.header()
    if (header % 2 === 1 || header === 0) return false
    if (runs.value() !== level) return false
    done += header / 2
  }
  return true
}

/**
 * Finds the zeros in `count` repetition levels of one bit: where lists begin. Writes their
 * positions into `out` from `to` on, `base` added.
 *
 * @returns the number of zeros
 */
export function findZeros(
  bytes: Uint8Array,
  at: number,
  end: number,
  count: number,
  base: number,
  out: Int32Array,
  to: number,
): number {
  const runs = new Runs(bytes, at, end, 1)
  let found = to
  const add = (position: number): void => {
    if (found >= out.length) throw damaged('damaged: more lists than rows')
    out[found++] = base + position
  }
  for (let done = 0; done < count; ) {
    const header = runs.header()
    const groups = Math.floor(header / 2)
    if (groups === 0) throw damaged('damaged: an empty run')
    if (header % 2 === 0) {
      const length = Math.min(groups, count - done)
      if (runs.value() === 0) for (let i = 0; i < length; i++) add(done + i)
      done += length
      continue
    }
    const length = Math.min(groups * 8, count - done)
    if (runs.at + Math.ceil(length / 8) > end)
      throw damaged('damaged: levels or indices are cut off')
    for (let group = 0; group * 8 < length; group++) {
      const byte = bytes[runs.at + group]!
      if (byte === 0xff) continue
      const stop = Math.min(8, length - group * 8)
      for (let bit = 0; bit < stop; bit++)
        if (((byte >> bit) & 1) === 0) add(done + group * 8 + bit)
    }
    runs.at = Math.min(runs.at + groups, end)
    done += length
  }
  return found - to
}
