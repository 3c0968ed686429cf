import { mixKey } from '../../random.ts'

/** Keeps the keys of mixes apart from those of other orders. */
const MIX = 0x6d697873

/** What a mix's order depends on. */
export interface MixOrderOptions {
  /** How many items of each source are given; `Infinity` for one without end. */
  readonly counts: readonly number[]
  /** Above 0 all. Without: in turn. */
  readonly weights: readonly number[] | undefined
  readonly seed: number
  readonly epoch: number
}

/**
 * Which source has its turn when. Item `j` of a source of weight `w` has the time `(j + x) / w`,
 * where `x`, 0 <= x < 1, is a function of seed, epoch, source and `j` (0 for sources in turn), and
 * items come in order of time, those of one time in order of sources. So by any time `t` a source
 * has given `t * w` items, but for a part of one, and how many exactly is computed for any time at
 * once: that is how the mix begins anywhere.
 */
export class MixOrder {
  readonly counts: readonly number[]
  private readonly weights: readonly number[]
  /** A key a source; none for sources in turn. */
  private readonly keys: readonly number[] | undefined

  constructor({ counts, weights, seed, epoch }: MixOrderOptions) {
    this.counts = counts
    this.weights = weights ?? counts.map(() => 1)
    this.keys = weights?.map((_, source) => mixKey([MIX, seed, epoch, source])[0])
  }

  /** When item `j` of a source has its turn; never (`Infinity`) after its last one. */
  timeOf(source: number, j: number): number {
    if (j >= this.counts[source]!) return Number.POSITIVE_INFINITY
    if (this.keys === undefined) return j
    return (j + fractionOf(this.keys[source]!, j)) / this.weights[source]!
  }

  /** How many items of a source have a time below `time`. */
  countBefore(source: number, time: number): number {
    // The time of item j is at least j / weight: begin a little before, for rounding's sake.
    let j = Math.max(
      0,
      Math.min(this.counts[source]!, Math.floor(time * this.weights[source]!) - 2),
    )
    while (this.timeOf(source, j) < time) j++
    return j
  }

  /** Goes through the order; see {@link MixCursor}. */
  cursor(): MixCursor {
    return new MixCursor(this)
  }

  /**
   * How many items of each source have their turn before a time near that of `position`, and not
   * more than `position` of them in all.
   */
  countsNear(position: number): number[] {
    const before = (time: number) => this.counts.map((_, source) => this.countBefore(source, time))
    let low = 0
    let high = 1 / this.weights.reduce((sum, weight) => sum + weight, 0)
    while (sum(before(high)) <= position) [low, high] = [high, high * 2]
    // As near as a few turns; doubles halve 60 times from any pair of them to what a position can
    // tell.
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

/** A place in a mix's order, that goes forward step by step, and elsewhere at once. */
export class MixCursor {
  private readonly order: MixOrder
  private position = 0
  /** How many items of each source come before `position`. */
  private counts: number[]
  private times: number[]

  constructor(order: MixOrder) {
    this.order = order
    this.counts = order.counts.map(() => 0)
    this.times = this.counts.map((j, source) => order.timeOf(source, j))
  }

  /** Goes to a position, which must be one of the order. */
  seek(position: number): void {
    const ahead = position - this.position
    if (ahead < 0 || ahead > 256 * this.counts.length) {
      this.counts = this.order.countsNear(position)
      this.times = this.counts.map((j, source) => this.order.timeOf(source, j))
      this.position = sum(this.counts)
    }
    while (this.position < position) this.next()
  }

  /** Takes the turn at the cursor. @returns whose it is, or -1 at the end */
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

  /** How many items of a source come before the cursor. */
  countOf(source: number): number {
    return this.counts[source]!
  }

  /** Passes a source over from now on. */
  drop(source: number): void {
    this.times[source] = Number.POSITIVE_INFINITY
  }
}

/** How many items of each source of known size are given if a mix ends with the first of them. */
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
  // In turn: those before it in the round have one more. Otherwise: whole items of each, so that it
  // is the same in every epoch.
  return sizes.map((own, source) => {
    if (weights === undefined) return Math.min(own, source < first ? size + 1 : size)
    return source === first
      ? size
      : Math.min(own, Math.floor((size * weights[source]!) / weights[first]!))
  })
}

/** 0 <= x < 1, of a key and a number of up to 53 bits: two rounds of MurmurHash3's finaliser. */
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
