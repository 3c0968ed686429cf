import { badOption, checkInteger } from '../check.ts'
import { Rng } from '../random.ts'

const MAX_SIZE = 9007199254740992

/**
 * A random order of 0, 1, … `size` - 1 that is never stored. Any position is computed in the same
 * time (some tens of nanoseconds), and memory does not depend on the size. A key gives the same
 * order on every machine and version (`docs/sources.md` has the definition and test vectors).
 *
 * The order is a Feistel network of 8 rounds over pairs of numbers, `left` of `rows` and `right` of
 * `columns` (Black and Rogaway, "Ciphers with arbitrary finite domains", 2002, method 3). Below a
 * size of 1024 it has 24 rounds, because 8 would favour some orders. The round function is the
 * finaliser of MurmurHash3. `rows * columns` is slightly larger than `size`; a result beyond `size`
 * is put through again (cycle walking), which is rare. `rows` is even, because with both odd only
 * half of all orders could occur. Not for cryptography.
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { KeyedPermutation } from 'spindle/source'
 *
 * const order = new KeyedPermutation(1e15, 7)
 * const item = order.at(123_456_789_012)
 * assert.equal(order.positionOf(item), 123_456_789_012)
 * ```
 */
export class KeyedPermutation {
  /** How many numbers the order has. */
  readonly size: number
  private readonly rows: number
  private readonly columns: number
  /** `rows` and `columns` divided by 2^32: they scale a 32-bit word to a number below them. */
  private readonly toRow: number
  private readonly toColumn: number
  private readonly keys: Int32Array

  /**
   * @param size 1..2^53
   * @param key integers of up to 53 bits: seed, epoch, …
   * @throws `ERR_BAD_OPTION`
   */
  constructor(size: number, ...key: number[]) {
    checkInteger('size', size, 1)
    if (size > MAX_SIZE) badOption('size', 'an integer <= 2^53', size)
    for (const part of key)
      if (!Number.isSafeInteger(part)) badOption('key', 'made of integers of up to 53 bits', part)
    this.size = size
    const root = Math.ceil(Math.sqrt(size))
    this.rows = root + (root % 2)
    this.columns = Math.ceil(size / this.rows)
    this.toRow = this.rows / 4294967296
    this.toColumn = this.columns / 4294967296
    const rng = Rng.from(...key)
    this.keys = Int32Array.from({ length: size < 1024 ? 24 : 8 }, () => rng.uint32() | 0)
  }

  /**
   * The number at a position, 0 <= `position` < `size`. Other positions give meaningless results.
   */
  at(position: number): number {
    const { rows, columns, toRow, toColumn, keys, size } = this
    let left = (position / columns) | 0
    let right = (position - left * columns) | 0
    for (;;) {
      for (let round = 0; round < keys.length; round += 2) {
        left += (mix(right, keys[round]!) * toRow) | 0
        if (left >= rows) left -= rows
        right += (mix(left, keys[round + 1]!) * toColumn) | 0
        if (right >= columns) right -= columns
      }
      const number = left * columns + right
      if (number < size) return number
    }
  }

  /** The position of a number: `at(positionOf(number)) === number`. */
  positionOf(number: number): number {
    const { rows, columns, toRow, toColumn, keys, size } = this
    let left = (number / columns) | 0
    let right = (number - left * columns) | 0
    for (;;) {
      for (let round = keys.length - 2; round >= 0; round -= 2) {
        right -= (mix(left, keys[round + 1]!) * toColumn) | 0
        if (right < 0) right += columns
        left -= (mix(right, keys[round]!) * toRow) | 0
        if (left < 0) left += rows
      }
      const position = left * columns + right
      if (position < size) return position
    }
  }
}

/** Hashes a number of up to 32 bits with a key to a 32-bit word, by MurmurHash3's finaliser. */
function mix(half: number, key: number): number {
  let word = half ^ key
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35)
  return (word ^ (word >>> 16)) >>> 0
}
