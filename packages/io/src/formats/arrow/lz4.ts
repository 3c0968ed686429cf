import { damaged, MediaError } from '../../base/errors.ts'

// LZ4 frames (github.com/lz4/lz4, doc/lz4_Frame_format.md, lz4_Block_format.md). Checksums are
// passed over.

const MAGIC = 0x184d2204

/**
 * Decompresses a frame.
 *
 * @throws MediaError `ERR_DECODE`; `ERR_TOO_LARGE` for more than `maxBytes`
 */
export function lz4Frame(input: Uint8Array, maxBytes: number): Uint8Array {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength)
  if (input.length < 7 || view.getUint32(0, true) !== MAGIC) throw cut()
  const flags = input[4]!
  const hasBlockChecksums = (flags & 0x10) !== 0
  const hasSize = (flags & 0x08) !== 0
  const maxBlock = 2 ** (8 + 2 * ((input[5]! >> 4) & 7))
  let at = 6 + (hasSize ? 8 : 0) + ((flags & 1) === 0 ? 0 : 4) + 1
  let output = new Uint8Array(0)
  let used = 0
  const reserve = (bytes: number): void => {
    if (used + bytes > maxBytes)
      throw new MediaError('ERR_TOO_LARGE', `a buffer decompresses to more than ${maxBytes} bytes`)
    if (used + bytes <= output.length) return
    const grown = new Uint8Array(Math.max(used + bytes, output.length * 2))
    grown.set(output.subarray(0, used))
    output = grown
  }
  if (hasSize && input.length >= 14) {
    const size = Number(view.getBigUint64(6, true))
    // A block of LZ4 grows by 255 at most, so that a size may be a lie only up to there.
    if (size > input.length * 255) throw cut()
    reserve(size)
  }
  for (;;) {
    if (at + 4 > input.length) throw cut()
    const header = view.getUint32(at, true)
    at += 4
    if (header === 0) return output.subarray(0, used)
    const size = header & 0x7fffffff
    if (at + size > input.length) throw cut()
    const block = input.subarray(at, at + size)
    if (header >>> 31 === 1) {
      reserve(size)
      output.set(block, used)
      used += size
    } else {
      if (used + size * 255 > output.length) reserve(Math.min(maxBlock, size * 255))
      used = lz4Block(block, output, used)
    }
    at += size + (hasBlockChecksums ? 4 : 0)
  }
}

/** Decompresses a block behind what is there. @returns the end of the output */
function lz4Block(input: Uint8Array, output: Uint8Array, from: number): number {
  let at = 0
  let to = from
  const lengthOf = (nibble: number): number => {
    let length = nibble
    if (nibble === 15)
      for (let byte = 255; byte === 255; length += byte) {
        if (at >= input.length) throw cut()
        byte = input[at++]!
      }
    return length
  }
  while (at < input.length) {
    const token = input[at++]!
    const literals = lengthOf(token >> 4)
    if (at + literals > input.length || to + literals > output.length) throw cut()
    output.set(input.subarray(at, at + literals), to)
    at += literals
    to += literals
    if (at === input.length) return to
    if (at + 2 > input.length) throw cut()
    const distance = input[at]! | (input[at + 1]! << 8)
    at += 2
    const length = lengthOf(token & 15) + 4
    if (distance === 0 || distance > to || to + length > output.length) throw cut()
    if (distance >= length) output.copyWithin(to, to - distance, to - distance + length)
    else for (let i = to; i < to + length; i++) output[i] = output[i - distance]!
    to += length
  }
  return to
}

function cut(): MediaError {
  return damaged('damaged: LZ4 data that is cut off or points outside')
}
