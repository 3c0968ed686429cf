import { mixKey } from '../../random.ts'

/** Keeps the random keys of draws apart from those of orders. */
const DRAWS = 0x64726177

/**
 * Independent draws with replacement, each a function of its position. The alias method (Walker
 * 1974; table as by Vose 1991) takes the same time for any weights. Numbers of weight 0 are not in
 * the table at all.
 */
export class WeightedDraws {
  /** The numbers that can be drawn, if not all. */
  private readonly numbers: Float64Array | undefined
  /** For each column, the share of its own number. */
  private readonly shares: Float64Array
  /** For each column, the number that has the rest. */
  private readonly aliases: Uint32Array

  /**
   * Builds the table, in time and memory (12 or 20 bytes each) proportional to the number of
   * weights.
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

  /** The number in a column, or its alias. {@link DrawStream} gives `column` and `share`. */
  pick(column: number, share: number): number {
    const chosen = share < this.shares[column]! ? column : this.aliases[column]!
    return this.numbers === undefined ? chosen : this.numbers[chosen]!
  }

  /** Number of columns. */
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
    // What is left over by rounding counts as a whole column, on either side.
    for (const column of [...small, ...large]) shares[column] = 1
  }
}

/** Uniform random numbers for the positions of an epoch, independent of each other. */
export class DrawStream {
  private readonly low: number
  private readonly high: number

  constructor(seed: number, epoch: number) {
    const [low, high] = mixKey([DRAWS, seed, epoch])
    this.low = low
    this.high = high
  }

  /** An integer x, 0 <= x < `limit` <= 2^32, for a position. The bias is at most `limit / 2^53`. */
  integer(position: number, limit: number): number {
    return Math.floor(this.fraction(position, 0x9e3779b9) * limit)
  }

  /** A number x, 0 <= x < 1, with 53 bits, for a position; independent for each `lane`. */
  fraction(position: number, lane: number): number {
    const top = (position / 4294967296) | 0
    const one = scramble(scramble((position | 0) ^ this.low) ^ top ^ lane)
    const two = scramble(scramble((position | 0) ^ this.high) ^ top ^ lane)
    return ((one >>> 5) * 67108864 + (two >>> 6)) / 9007199254740992
  }
}

/** The indices of the weights above 0. */
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
