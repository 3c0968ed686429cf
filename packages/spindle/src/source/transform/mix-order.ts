import { mixKey } from '../../random.ts'

/** Keeps the random keys of mixes apart from those of other orders. */
const MIX = 0x6d697873

/** What the order of a mix depends on. */
export interface MixOrderOptions {
  /** Number of items of each source; `Infinity` for an infinite source. */
  readonly counts: readonly number[]
  /** Weights, all above 0. `undefined`: sources take turns. */
  readonly weights: readonly number[] | undefined
  readonly seed: number
  readonly epoch: number
}

/**
 * Decides which source has the turn at each position. Item `j` of a source of weight `w` has the
 * time `(j + x) / w`. `x`, 0 <= x < 1, is a function of seed, epoch, source and `j`; it is 0 for
 * sources that take turns. Items come in order of their times; items of equal time in order of
 * their sources. So at a time `t` a source has given `t * w` items, to within one. The exact number
 * is computed directly for any time, which is how a mix can begin anywhere.
 */
export class MixOrder {
  readonly counts: readonly number[]
  private readonly weights: readonly number[]
  /** One key per source; `undefined` for sources that take turns. */
  private readonly keys: readonly number[] | undefined

  constructor({ counts, weights, seed, epoch }: MixOrderOptions) {
    this.counts = counts
    this.weights = weights ?? counts.map(() => 1)
    this.keys = weights?.map((_, source) => mixKey([MIX, seed, epoch, source])[0])
  }

  /** Time of item `j` of a source; `Infinity` after its last item. */
  timeOf(source: number, j: number): number {
    if (j >= this.counts[source]!) return Number.POSITIVE_INFINITY
    if (this.keys === undefined) return j
    return (j + fractionOf(this.keys[source]!, j)) / this.weights[source]!
  }

  /** Number of items of a source with a time below `time`. */
  countBefore(source: number, time: number): number {
    // The time of item j is at least j / weight. Starts slightly lower because of rounding.
    let j = Math.max(
      0,
      Math.min(this.counts[source]!, Math.floor(time * this.weights[source]!) - 2),
    )
    while (this.timeOf(source, j) < time) j++
    return j
  }

  /** A cursor at the start of the order. See {@link MixCursor}. */
  cursor(): MixCursor {
    return new MixCursor(this)
  }

  /**
   * Number of items of each source before a time near that of `position`. Together they are at most
   * `position`.
   */
  countsNear(position: number): number[] {
    const before = (time: number) => this.counts.map((_, source) => this.countBefore(source, time))
    let low = 0
    let high = 1 / this.weights.reduce((sum, weight) => sum + weight, 0)
    while (sum(before(high)) <= position) [low, high] = [high, high * 2]
    // Stops within a few turns of `position`. Bisection of doubles needs 60 steps at most, so 80
    // always suffice.
    for (let halvings = 0; halvings < 80; halvings++) {
      const middle = (low + high) / 2
      if (middle <= low || middle >= high) break
      const total = sum(before(middle))
      if (total <= position) low = middle
      else high = middle
      if (total <= position && position - total <= 2 * this.counts.length) break
    }
    return before(low)
  }
}

/**
 * A position in the order of a mix. It moves forward step by step, and jumps for long distances.
 */
export class MixCursor {
  private readonly order: MixOrder
  private position = 0
  /** Number of items of each source before `position`. */
  private counts: number[]
  private times: number[]

  constructor(order: MixOrder) {
    this.order = order
    this.counts = order.counts.map(() => 0)
    this.times = this.counts.map((j, source) => order.timeOf(source, j))
  }

  /** Moves to a position, which must exist in the order. */
  seek(position: number): void {
    const ahead = position - this.position
    if (ahead < 0 || ahead > 256 * this.counts.length) {
      this.counts = this.order.countsNear(position)
      this.times = this.counts.map((j, source) => this.order.timeOf(source, j))
      this.position = sum(this.counts)
    }
    while (this.position < position) this.next()
  }

  /**
   * Takes the turn at the cursor.
   *
   * @returns the number of the source, or -1 at the end
   */
  next(): number {
    const { times } = this
    let source = -1
    let first = Number.POSITIVE_INFINITY
    for (let other = 0; other < times.length; other++) {
      if (times[other]! < first) {
        first = times[other]!
        source = other
      }
    }
    if (source === -1) return -1
    this.position++
    times[source] = this.order.timeOf(source, ++this.counts[source]!)
    return source
  }

  /** Number of items of a source before the cursor. */
  countOf(source: number): number {
    return this.counts[source]!
  }

  /** Skips a source from now on. */
  drop(source: number): void {
    this.times[source] = Number.POSITIVE_INFINITY
  }
}

/**
 * Number of items of each source if the mix ends with the first source that ends. For known sizes.
 */
export function countsUntilFirstEnd(
  sizes: readonly number[],
  weights: readonly number[] | undefined,
): readonly number[] {
  let first = 0
  for (let source = 1; source < sizes.length; source++) {
    const [size, weight] = [sizes[source]!, weights?.[source] ?? 1]
    if (size / weight < sizes[first]! / (weights?.[first] ?? 1)) first = source
  }
  const size = sizes[first]!
  if (size === Number.POSITIVE_INFINITY) return sizes
  // In turn: the sources before it in the round give one more. With weights: the whole items of
  // each share, so that the counts are the same in every epoch.
  return sizes.map((own, source) => {
    if (weights === undefined) return Math.min(own, source < first ? size + 1 : size)
    return source === first
      ? size
      : Math.min(own, Math.floor((size * weights[source]!) / weights[first]!))
  })
}

/**
 * A number x, 0 <= x < 1, from a key and a number of up to 53 bits, by two rounds of MurmurHash3's
 * finaliser.
 */
function fractionOf(key: number, j: number): number {
  let word = key ^ (j | 0)
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35)
  word ^= (word >>> 16) ^ (j / 4294967296)
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35)
  return ((word ^ (word >>> 16)) >>> 0) / 4294967296
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
