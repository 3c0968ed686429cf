/**
 * A small, fast, seedable random generator: sfc32 (Chris Doty-Humphrey, PractRand), 128 bits of
 * state, period at least 2^32 and about 2^127 on average. Not for cryptography.
 *
 * The state is `(a, b, c, 1)`, with the three words from {@link mixKey}. The first 12 outputs are
 * discarded, as the author advises. The same key gives the same sequence on every machine and
 * version.
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { Rng } from 'spindle'
 * const one = Rng.from(7, 0, 3)
 * const two = Rng.from(7, 0, 3)
 * assert.equal(one.next(), two.next())
 * ```
 */
export class Rng {
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(a: number, b: number, c: number) {
    this.#a = a | 0
    this.#b = b | 0
    this.#c = c | 0
    for (let i = 0; i < 12; i++) this.uint32()
  }

  /** Makes a generator from any list of integers of up to 53 bits each: seed, epoch, position, … */
  static from(...key: number[]): Rng {
    const [a, b, c] = mixKey(key)
    return new Rng(a, b, c)
  }

  /** An integer, 0..2^32 - 1, uniform. */
  uint32(): number {
    const t = (((this.#a + this.#b) | 0) + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + t
    this.#c |= 0
    return t >>> 0
  }

  /** A number, 0 <= x < 1, uniform, with 53 random bits. */
  next(): number {
    const high = this.uint32() >>> 5
    const low = this.uint32() >>> 6
    return (high * 67108864 + low) / 9007199254740992
  }

  /** An integer, 0 <= x < `limit`, uniform without bias. `limit` is an integer, 1..2^53. */
  int(limit: number): number {
    if (!Number.isInteger(limit) || limit < 1 || limit > 9007199254740992)
      throw new RangeError(`\`limit\` must be an integer from 1 to 2^53, got ${limit}`)
    if (limit > 4294967296) return Math.floor(this.next() * limit)
    const reject = 4294967296 - (4294967296 % limit)
    let value = this.uint32()
    while (value >= reject) value = this.uint32()
    return value % limit
  }

  /** A normally distributed number (Box and Muller). */
  normal(mean = 0, deviation = 1): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.next()))
    return mean + deviation * radius * Math.cos(2 * Math.PI * this.next())
  }

  /** Picks one of `choices`, all with the same probability. */
  pick<T>(choices: ArrayLike<T>): T {
    return choices[this.int(choices.length)] as T
  }

  /** Shuffles `items` in place (Fisher and Yates) and returns it. */
  shuffle<T>(items: T[]): T[] {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.int(i + 1)
      const held = items[i] as T
      items[i] = items[j] as T
      items[j] = held
    }
    return items
  }
}

/**
 * Mixes a list of integers into three 32-bit words. Each integer counts as two words, low first.
 * They are folded in with the step and the finaliser of MurmurHash3 (Austin Appleby, public
 * domain), once for each output word with another constant.
 */
export function mixKey(key: readonly number[]): [number, number, number] {
  return [lane(key, 0x9e3779b9), lane(key, 0x243f6a88), lane(key, 0xb7e15162)]
}

function lane(key: readonly number[], start: number): number {
  let hash = start | 0
  for (const part of key) {
    hash = fold(hash, part | 0)
    hash = fold(hash, Math.floor(part / 4294967296) | 0)
  }
  hash ^= key.length
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

function fold(hash: number, word: number): number {
  let mixed = Math.imul(word, 0xcc9e2d51)
  mixed = Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593)
  const next = hash ^ mixed
  return (Math.imul((next << 13) | (next >>> 19), 5) + 0xe6546b64) | 0
}

/** 32-bit FNV-1a hash of a text's UTF-16 units. It turns a stage's name into a part of a key. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
