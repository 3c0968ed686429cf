import { mixKey } from '../../random.ts'

/** Keeps the keys of draws apart from those of orders. */
const DRAWS = 0x64726177

/**
 * Independent draws with replacement, each a function of its number: by the alias method (Walker
 * 1974; the table as Vose makes it, 1991) in the same time for any weights. Numbers of weight 0 are
 * not in the table at all.
 */
export class WeightedDraws {
  /** The numbers that can be drawn, where that is not all. */
  private readonly numbers: Float64Array | undefined
  /** Of each column, the share that is its own. */
  private readonly shares: Float64Array
  /** Whose the rest is. */
  private readonly aliases: Uint32Array

  /**
   * Goes through the weights: takes time and memory (12 bytes, or 20, each) in proportion to their
   * number.
   */
  constructor(weights: ArrayLike<number>) {
    const drawn = positiveOf(weights)
    this.numbers = drawn.length === weights.length ? undefined : Float64Array.from(drawn)
    const count = drawn.length
    let total = 0
    for (const number of drawn) total += weights[number]!
    this.shares = Float64Array.from(drawn, (number) => (weights[number]! / total) * count)
    this.aliases = Uint32Array.from(drawn, (_, column) => column)
    this.fill()
  }

  /** The number drawn at a position of a stream of words: see {@link DrawStream}. */
  pick(column: number, share: number): number {
    const chosen = share < this.shares[column]! ? column : this.aliases[column]!
    return this.numbers === undefined ? chosen : this.numbers[chosen]!
  }

  /** How many columns there are. */
  get columns(): number {
    return this.shares.length
  }

  private fill(): void {
    const { shares, aliases } = this
    const small: number[] = []
    const large: number[] = []
    for (let column = 0; column < shares.length; column++)
      (shares[column]! < 1 ? small : large).push(column)
    while (small.length > 0 && large.length > 0) {
      const [less, more] = [small.pop()!, large.pop()!]
      aliases[less] = more
      shares[more] = shares[more]! + shares[less]! - 1
      ;(shares[more]! < 1 ? small : large).push(more)
    }
    // What rounding has left over is a whole column, whichever side it is on.
    for (const column of [...small, ...large]) shares[column] = 1
  }
}

/** Uniform numbers for each position of an epoch, on their own. */
export class DrawStream {
  private readonly low: number
  private readonly high: number

  constructor(seed: number, epoch: number) {
    const [low, high] = mixKey([DRAWS, seed, epoch])
    this.low = low
    this.high = high
  }

  /** An integer, 0 <= x < `limit` <= 2^32, of a position. The bias is at most `limit / 2^53`. */
  integer(position: number, limit: number): number {
    return Math.floor(this.fraction(position, 0x9e3779b9) * limit)
  }

  /** 0 <= x < 1, with 53 bits, of a position; independent for each `lane`. */
  fraction(position: number, lane: number): number {
    const top = (position / 4294967296) | 0
    const one = scramble(scramble((position | 0) ^ this.low) ^ top ^ lane)
    const two = scramble(scramble((position | 0) ^ this.high) ^ top ^ lane)
    return ((one >>> 5) * 67108864 + (two >>> 6)) / 9007199254740992
  }
}

/** The numbers of weights above 0. */
export function positiveOf(weights: ArrayLike<number>): number[] {
  const numbers: number[] = []
  for (let number = 0; number < weights.length; number++)
    if (weights[number]! > 0) numbers.push(number)
  return numbers
}

function scramble(word: number): number {
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35)
  return word ^ (word >>> 16)
}
