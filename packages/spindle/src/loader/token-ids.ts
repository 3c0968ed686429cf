import { endianness } from 'node:os'
import { badOption } from '../check.ts'
import type { TokenIds } from './token-document.ts'

/** Ids as stored in the arrays of a pack. */
export type Ids = Int32Array | BigInt64Array

/**
 * Names the place of ids for an error message: `documents[3].inputIds`. Called only when an error
 * is made.
 */
export type PlaceOfIds = () => string

export function newIds(dtype: 'int64' | 'int32', length: number): Ids {
  return dtype === 'int64' ? new BigInt64Array(length) : new Int32Array(length)
}

export function fillIds(to: Ids, value: number, start: number, end: number): void {
  if (to instanceof Int32Array) to.fill(value, start, end)
  else to.fill(BigInt(value), start, end)
}

/**
 * Checks that an id given as an option fits the dtype.
 *
 * @throws `ERR_BAD_OPTION`
 */
export function checkId(option: string, value: unknown, dtype: 'int64' | 'int32'): void {
  const isOk =
    Number.isSafeInteger(value) && (dtype === 'int64' || ((value as number) | 0) === value)
  if (!isOk) badOption(option, RULES[dtype], value)
}

const RULES = {
  int32: 'an integer from -2^31 to 2^31 - 1, which int32 can hold',
  int64: 'an integer that int64 can hold: up to 2^53 - 1 as a number, up to 2^63 - 1 as a bigint',
} as const

const LOW_WORD = endianness() === 'LE' ? 0 : 1

/**
 * Copies ids. Ids that do not fit would silently become other tokens, so ids are checked where the
 * types differ in range. Ids of another type are converted. For int64 this is done in 32-bit
 * halves, because a `BigInt` per token costs ten times as much.
 *
 * @throws `ERR_BAD_OPTION`, naming the first id that does not fit.
 */
export function putIds(to: Ids, from: TokenIds, at: number, place: PlaceOfIds): void {
  const fits =
    to instanceof Int32Array
      ? putNarrow(to, from, at)
      : isBigInts(from)
        ? putBig(to, from, at)
        : putWords(to, from, at)
  if (!fits) refuse(from, to instanceof Int32Array ? 'int32' : 'int64', place)
}

function putNarrow(to: Int32Array, from: TokenIds, at: number): boolean {
  if (from instanceof Int32Array || from instanceof Uint16Array || from instanceof Uint8Array) {
    to.set(from, at)
    return true
  }
  if (from instanceof Uint32Array) {
    to.set(from, at)
    // An id that is too large has become negative.
    let bits = 0
    for (let i = at; i < at + from.length; i++) bits |= to[i] as number
    return bits >= 0
  }
  if (from instanceof BigInt64Array || from instanceof BigUint64Array)
    return putFromBig(to, from, at)
  for (let i = 0; i < from.length; i++) {
    const id = from[i]
    if (typeof id !== 'number')
      return typeof id === 'bigint' && putFromBig(to, from as readonly bigint[], at)
    if ((id | 0) !== id) return false
    to[at + i] = id
  }
  return true
}

function putFromBig(to: Int32Array, from: ArrayLike<bigint>, at: number): boolean {
  for (let i = 0; i < from.length; i++) {
    const id = from[i]
    if (typeof id !== 'bigint' || BigInt.asIntN(32, id) !== id) return false
    to[at + i] = Number(id)
  }
  return true
}

function putBig(
  to: BigInt64Array,
  from: readonly bigint[] | BigInt64Array | BigUint64Array,
  at: number,
): boolean {
  if (from instanceof BigInt64Array) {
    to.set(from, at)
    return true
  }
  for (let i = 0; i < from.length; i++) {
    const id = from[i]
    if (typeof id !== 'bigint' || BigInt.asIntN(64, id) !== id) return false
    to[at + i] = id
  }
  return true
}

function putWords(to: BigInt64Array, from: ArrayLike<unknown>, at: number): boolean {
  const words = new Int32Array(to.buffer, to.byteOffset, to.length * 2)
  for (let i = 0, word = at * 2; i < from.length; i++, word += 2) {
    const id = from[i]
    if (typeof id !== 'number') return false
    if ((id | 0) === id) {
      words[word + LOW_WORD] = id
      words[word + 1 - LOW_WORD] = id >> 31
    } else if (Number.isSafeInteger(id)) {
      words[word + LOW_WORD] = id
      words[word + 1 - LOW_WORD] = Math.floor(id / 4294967296)
    } else return false
  }
  return true
}

/** Finds the id that does not fit and throws. */
function refuse(from: TokenIds, dtype: 'int64' | 'int32', place: PlaceOfIds): never {
  const bits = dtype === 'int64' ? 64 : 32
  const isBig = isBigInts(from)
  const fits = (id: unknown): boolean => {
    if (isBig) return typeof id === 'bigint' && BigInt.asIntN(bits, id) === id
    return Number.isSafeInteger(id) && (bits === 64 || ((id as number) | 0) === id)
  }
  const at = Array.from(from as ArrayLike<unknown>).findIndex((id) => !fits(id))
  badOption(
    `${place()}[${at}]`,
    isBig ? `${RULES[dtype]}, a bigint as the first one is` : RULES[dtype],
    from[at],
  )
}

function isBigInts(ids: TokenIds): ids is readonly bigint[] | BigInt64Array | BigUint64Array {
  return ids instanceof BigInt64Array || ids instanceof BigUint64Array || typeof ids[0] === 'bigint'
}
