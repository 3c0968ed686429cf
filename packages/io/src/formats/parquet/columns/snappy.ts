import { damaged } from '../../../base/errors.ts'

// Snappy (github.com/google/snappy, format_description.txt). Long literals and copies are moved by
// the engine's own functions: numbers that do not compress are mostly literals.

/** From this length on, a call that moves bytes costs less than a loop. */
const LONG = 24

/**
 * Decompresses a block into `output`, which has the size that the page declares.
 *
 * @throws MediaError `ERR_DECODE`
 */
export function snappyInto(input: Uint8Array, output: Uint8Array): void {
  let at = 0
  let size = 0
  for (let factor = 1; ; factor *= 128) {
    const byte = input[at++]
    if (byte === undefined || factor > 2 ** 32) throw damaged('damaged: snappy data without a size')
    size += (byte & 0x7f) * factor
    if (byte < 0x80) break
  }
  if (size !== output.length)
    throw damaged(`damaged: snappy data of ${size} bytes, and the page says ${output.length}`)
  const end = input.length
  let to = 0
  while (at < end) {
    const tag = input[at++]!
    let length = tag >> 2
    if ((tag & 3) === 0) {
      if (length >= 60) {
        const bytes = length - 59
        if (at + bytes > end) throw cut()
        length = 0
        for (let i = 0; i < bytes; i++) length += input[at++]! * 2 ** (8 * i)
      }
      length++
      if (at + length > end || to + length > size) throw cut()
      if (length >= LONG) {
        output.set(input.subarray(at, at + length), to)
        to += length
        at += length
      } else for (const stop = to + length; to < stop; ) output[to++] = input[at++]!
      continue
    }
    let distance: number
    if ((tag & 3) === 1) {
      if (at >= end) throw cut()
      length = (length & 7) + 4
      distance = ((tag >> 5) << 8) | input[at++]!
    } else {
      const bytes = (tag & 3) === 2 ? 2 : 4
      if (at + bytes > end) throw cut()
      length++
      distance = input[at]! | (input[at + 1]! << 8)
      if (bytes === 4) distance += input[at + 2]! * 2 ** 16 + input[at + 3]! * 2 ** 24
      at += bytes
    }
    if (distance === 0 || distance > to || to + length > size) throw cut()
    if (distance >= length && length >= LONG) {
      output.copyWithin(to, to - distance, to - distance + length)
      to += length
    } else for (const stop = to + length; to < stop; to++) output[to] = output[to - distance]!
  }
  if (to !== size) throw cut()
}

function cut(): Error {
  return damaged('damaged: snappy data that is cut off or points outside')
}
