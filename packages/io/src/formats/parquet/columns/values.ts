import { damaged } from '../../../base/errors.ts'
import { readDeltas } from './delta.ts'
import { readHybrid } from './hybrid.ts'
import { UnsupportedPage } from './page.ts'
import type { Numbers } from './raw-column.ts'

/** How numbers are stored in a file. */
export type PhysicalType =
  | 'BOOLEAN'
  | 'INT32'
  | 'INT64'
  | 'INT96'
  | 'FLOAT'
  | 'DOUBLE'
  | 'FIXED_LEN_BYTE_ARRAY'
  | 'BYTE_ARRAY'

/** Bytes of a value of a type. */
export const TYPE_BYTES: Readonly<Record<string, number>> = {
  INT32: 4,
  INT64: 8,
  INT96: 12,
  FLOAT: 4,
  DOUBLE: 8,
}

/**
 * Reads `count` numbers of a page into `out`.
 *
 * @param size bytes of a value in the file
 * @param width numbers of a value in `out`: more than 1 for arrays of bytes of one length
 * @param out numbers of the physical type, or narrower ones for INT32
 * @param to where the first number is put, in values
 * @throws MediaError `ERR_DECODE`; UnsupportedPage
 */
export function readNumbers(
  type: PhysicalType,
  encoding: string,
  bytes: Uint8Array,
  from: number,
  count: number,
  size: number,
  width: number,
  out: Numbers,
  to: number,
): void {
  if (count === 0) return
  if (type === 'BOOLEAN') {
    readBooleans(encoding, bytes, from, count, out as Uint8Array, to)
    return
  }
  const first = to * width
  switch (encoding) {
    case 'PLAIN': {
      const end = from + count * size
      if (end > bytes.length) throw damaged('damaged: a page has fewer values than it says')
      if (out.BYTES_PER_ELEMENT * width === size) {
        const target = new Uint8Array(out.buffer, out.byteOffset, out.byteLength)
        target.set(bytes.subarray(from, end), first * out.BYTES_PER_ELEMENT)
      } else narrowInto(bytes, from, count, out, to)
      return
    }
    case 'DELTA_BINARY_PACKED': {
      if (type !== 'INT32' && type !== 'INT64') break
      const { values } = readDeltas(bytes, from, count, type === 'INT64')
      if (out instanceof BigUint64Array) out.set(values as unknown as BigUint64Array, to)
      else out.set(values as never, to)
      return
    }
    case 'BYTE_STREAM_SPLIT': {
      if (from + count * size > bytes.length)
        throw damaged('damaged: a page has fewer values than it says')
      const wide = new Uint8Array(count * size)
      for (let byte = 0; byte < size; byte++)
        for (let i = 0, at = from + byte * count; i < count; i++)
          wide[i * size + byte] = bytes[at++]!
      readNumbers(type, 'PLAIN', wide, 0, count, size, width, out, to)
      return
    }
  }
  throw new UnsupportedPage(`values of type ${type} in ${encoding}`)
}

/** 32-bit integers into narrower ones. */
function narrowInto(
  bytes: Uint8Array,
  from: number,
  count: number,
  out: Numbers,
  to: number,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  for (let i = 0; i < count; i++) out[to + i] = view.getInt32(from + 4 * i, true) as never
}

function readBooleans(
  encoding: string,
  bytes: Uint8Array,
  from: number,
  count: number,
  out: Uint8Array,
  to: number,
): void {
  if (encoding === 'PLAIN') {
    if (from + Math.ceil(count / 8) > bytes.length)
      throw damaged('damaged: a page has fewer values than it says')
    for (let i = 0; i < count; i++) out[to + i] = (bytes[from + (i >> 3)]! >> (i & 7)) & 1
  } else if (encoding === 'RLE') {
    // A length of four bytes is in front.
    readHybrid(bytes, from + 4, bytes.length, 1, count, out, to)
  } else throw new UnsupportedPage(`values of type BOOLEAN in ${encoding}`)
}

/** Texts and arrays of bytes, one after another. */
export class ByteValues {
  bytes: Uint8Array = new Uint8Array(0)
  used = 0

  /** Takes place for more bytes. @throws MediaError `ERR_TOO_LARGE` by `limit` */
  reserve(more: number, limit: (bytes: number) => void): void {
    const needed = this.used + more
    if (needed <= this.bytes.length) return
    limit(needed)
    const bytes = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(this.bytes.length * 2, 2 ** 28)))
    bytes.set(this.bytes.subarray(0, this.used))
    this.bytes = new Uint8Array(bytes.buffer)
  }

  add(from: Uint8Array, start: number, end: number): void {
    const length = end - start
    if (length < 24) for (let i = start, to = this.used; i < end; ) this.bytes[to++] = from[i++]!
    else this.bytes.set(from.subarray(start, end), this.used)
    this.used += length
  }
}

/**
 * Reads `count` values of BYTE_ARRAY: their bytes into `into`, their lengths into `lengths`.
 *
 * @throws MediaError `ERR_DECODE`; UnsupportedPage
 */
export function readByteArrays(
  encoding: string,
  bytes: Uint8Array,
  from: number,
  count: number,
  into: ByteValues,
  lengths: Int32Array,
  limit: (bytes: number) => void,
): void {
  if (encoding === 'PLAIN') {
    into.reserve(Math.max(0, bytes.length - from - 4 * count), limit)
    let at = from
    for (let i = 0; i < count; i++) {
      const start = at + 4
      if (start > bytes.length) throw cut()
      const length =
        bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
      at = start + length
      if (length < 0 || at > bytes.length) throw cut()
      lengths[i] = length
      into.add(bytes, start, at)
    }
  } else if (encoding === 'DELTA_LENGTH_BYTE_ARRAY') {
    const { values, end } = readDeltas(bytes, from, count, false)
    let at = end
    into.reserve(bytes.length - end, limit)
    for (let i = 0; i < count; i++) {
      const length = values[i] as number
      if (length < 0 || at + length > bytes.length) throw cut()
      lengths[i] = length
      into.add(bytes, at, at + length)
      at += length
    }
  } else if (encoding === 'DELTA_BYTE_ARRAY') readPrefixed(bytes, from, count, into, lengths, limit)
  else throw new UnsupportedPage(`values of type BYTE_ARRAY in ${encoding}`)
}

/** Values that share their beginning with the one before. */
function readPrefixed(
  bytes: Uint8Array,
  from: number,
  count: number,
  into: ByteValues,
  lengths: Int32Array,
  limit: (bytes: number) => void,
): void {
  const prefixes = readDeltas(bytes, from, count, false)
  const suffixes = readDeltas(bytes, prefixes.end, count, false)
  let at = suffixes.end
  let last = 0
  for (let i = 0; i < count; i++) {
    const prefix = prefixes.values[i] as number
    const suffix = suffixes.values[i] as number
    if (prefix < 0 || suffix < 0 || prefix > last || at + suffix > bytes.length) throw cut()
    into.reserve(prefix + suffix, limit)
    const start = into.used - last
    into.bytes.copyWithin(into.used, start, start + prefix)
    into.used += prefix
    into.add(bytes, at, at + suffix)
    at += suffix
    last = prefix + suffix
    lengths[i] = last
  }
}

function cut(): Error {
  return damaged('damaged: a text is cut off')
}
