import { damaged } from '../../../base/errors.ts'

// The delta encodings (parquet-format, Encodings.md).

/** Numbers of DELTA_BINARY_PACKED. */
export interface Deltas {
  readonly values: Int32Array | BigInt64Array
  /** Position behind them. */
  readonly end: number
}

/** Reads varints and packed deltas. */
class Bits {
  readonly bytes: Uint8Array
  at: number

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes
    this.at = at
  }

  byte(): number {
    const byte = this.bytes[this.at++]
    if (byte === undefined) throw damaged('damaged: deltas are cut off')
    return byte
  }

  varint(): number {
    let value = 0
    for (let factor = 1; factor <= 2 ** 49; factor *= 128) {
      const byte = this.byte()
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
    throw damaged('damaged: a delta without an end')
  }

  zigZag(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.byte()
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n))
    }
    throw damaged('damaged: a delta without an end')
  }
}

/**
 * Reads `count` numbers of DELTA_BINARY_PACKED.
 *
 * @throws MediaError `ERR_DECODE`
 */
export function readDeltas(
  bytes: Uint8Array,
  from: number,
  count: number | undefined,
  is64: boolean,
): Deltas {
  const bits = new Bits(bytes, from)
  const blockSize = bits.varint()
  const blocks = bits.varint()
  const total = bits.varint()
  const first = bits.zigZag()
  const perBlock = blockSize / blocks
  if (!(blockSize > 0 && blocks > 0) || blockSize % 128 !== 0 || perBlock % 32 !== 0)
    throw damaged('damaged: deltas in blocks of an impossible size')
  // A header of a few bytes may say any number; each block needs bytes of its own.
  if (count !== undefined ? total !== count : total > (bytes.length - from) * blockSize + 1)
    throw damaged(`damaged: ${total} deltas, and the page says ${count ?? 'less'}`)
  const values = is64 ? new BigInt64Array(total) : new Int32Array(total)
  if (total > 0) values[0] = (is64 ? first : Number(BigInt.asIntN(32, first))) as never
  let done = 1
  let last = first
  while (done < total) {
    const least = bits.zigZag()
    const widths = bytes.subarray(bits.at, bits.at + blocks)
    if (widths.length < blocks) throw damaged('damaged: deltas are cut off')
    bits.at += blocks
    for (let block = 0; block < blocks && done < total; block++) {
      const width = widths[block]!
      if (width > 64) throw damaged('damaged: deltas of more than 64 bits')
      const size = (perBlock / 8) * width
      const length = Math.min(perBlock, total - done)
      if (bits.at + Math.ceil((length * width) / 8) > bytes.length)
        throw damaged('damaged: deltas are cut off')
      last = unpackBlock(bytes, bits.at, width, length, least, last, values, done)
      done += length
      bits.at += size
    }
  }
  return { values, end: Math.min(bits.at, bytes.length) }
}

function unpackBlock(
  bytes: Uint8Array,
  from: number,
  width: number,
  length: number,
  least: bigint,
  first: bigint,
  values: Int32Array | BigInt64Array,
  to: number,
): bigint {
  if (values instanceof Int32Array) {
    // 32 bits wrap around, so that all but 32 bits of the sums may be left out.
    const add = Number(BigInt.asIntN(32, least))
    let last = Number(BigInt.asIntN(32, first))
    for (let i = 0, bit = from * 8; i < length; i++, bit += width) {
      last = (last + add + low32(bytes, bit, width)) | 0
      values[to + i] = last
    }
    return BigInt(last)
  }
  let last = first
  for (let i = 0, bit = from * 8; i < length; i++, bit += width) {
    const low = low32(bytes, bit, Math.min(width, 32)) >>> 0
    const high = width > 32 ? low32(bytes, bit + 32, width - 32) >>> 0 : 0
    const delta = high === 0 ? BigInt(low) : BigInt(low) + (BigInt(high) << 32n)
    last = BigInt.asIntN(64, last + least + delta)
    values[to + i] = last
  }
  return last
}

/** The lowest 32 of `width` bits that begin at `bit`. */
function low32(bytes: Uint8Array, bit: number, width: number): number {
  let value = 0
  for (let done = 0; done < width && done < 32; ) {
    const at = bit + done
    const shift = at & 7
    const take = Math.min(8 - shift, width - done)
    value |= ((bytes[Math.floor(at / 8)]! >> shift) & ((1 << take) - 1)) << done
    done += take
  }
  return value
}
