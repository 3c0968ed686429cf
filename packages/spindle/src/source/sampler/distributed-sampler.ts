import { createHash } from 'node:crypto'
import { checkCount } from '../../check.ts'
import type { Json } from '../../engine/seekable.ts'
import { KeyedPermutation } from '../permutation.ts'
import { checkPlace, countOf, firstOf, register } from '../seek/expose.ts'
import type { Plan } from '../seek/seek-plan.ts'
import type { Shard, SyncSource } from '../seek/source-types.ts'
import { DrawStream, positiveOf, WeightedDraws } from './draws.ts'
import { type DistributedSamplerOptions, type SamplerPlan, samplerPlan } from './sampler-options.ts'

/**
 * Decides which of the indices 0, 1, … `size` - 1 a rank works on, and in which order. All ranks
 * share one order per epoch, which is a function of seed, epoch and position. Rank `r` has the
 * positions `r`, `r + worldSize`, … For any size, nothing is stored or prepared, except for
 * weights: they take 12 to 20 bytes per index once, and without replacement also a sort per epoch.
 *
 * Iterating gives the epoch that `setEpoch` has set. It can be repeated.
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { DistributedSampler } from 'spindle/source'
 *
 * const ranks = [0, 1, 2].map((rank) => new DistributedSampler(8, { rank, worldSize: 3, shuffle: true, seed: 7 }))
 * assert.deepEqual(ranks.map(({ length }) => length), [3, 3, 2])
 * assert.deepEqual(ranks.flatMap((rank) => [...rank]).toSorted(), [0, 1, 2, 3, 4, 5, 6, 7])
 *
 * const draws = new DistributedSampler(3, { weights: [1, 0, 3], numDraws: 1000 })
 * assert.equal([...draws].filter((index) => index === 1).length, 0)
 * ```
 */
export class DistributedSampler implements SyncSource<number> {
  /** Number of positions per epoch over all ranks, after dropping or padding. */
  readonly size: number
  readonly shard: Shard
  private readonly plan: SamplerPlan
  private currentEpoch: number
  private described: { readonly [name: string]: Json } | undefined
  private readonly draws: WeightedDraws | undefined
  /** Order of the last epoch, kept if it is slow to compute. */
  private ordered: { readonly epoch: number; readonly order: Uint32Array } | undefined

  /** @throws `ERR_BAD_OPTION`, naming the violated rule */
  constructor(size: number, options: DistributedSamplerOptions = {}) {
    const plan = samplerPlan(size, options)
    const { numDraws, worldSize, rank, kind, weights } = plan
    this.plan = plan
    this.currentEpoch = plan.epoch
    this.shard = { rank, worldSize }
    const spare = numDraws % worldSize
    this.size = numDraws
    if (plan.dropLast) this.size = numDraws - spare
    if (plan.padding && spare > 0) this.size = numDraws + worldSize - spare
    if (kind === 'weighted draws') this.draws = new WeightedDraws(weights!)
    register(this, this.asPlan(), this.shard)
  }

  /** Number of indices per epoch for this rank. */
  get length(): number {
    return countOf(this.size, this.shard)
  }

  get epoch(): number {
    return this.currentEpoch
  }

  /**
   * Sets the epoch of later iterations.
   *
   * @throws `ERR_BAD_OPTION` unless it is an integer >= 0
   */
  setEpoch(epoch: number): void {
    checkCount('epoch', epoch)
    this.currentEpoch = epoch
  }

  /**
   * What the order depends on. Ranks, dropping and padding are left out, because they do not change
   * which index is at a position.
   */
  get description(): { readonly [name: string]: Json } {
    this.described ??= describe(this.plan)
    return this.described
  }

  /** The indices of one epoch. */
  [Symbol.iterator](): Iterator<number> {
    return this.iterateFrom(0, this.currentEpoch)[Symbol.iterator]()
  }

  iterateFrom(position: number, epoch: number): Iterable<number> {
    checkPlace(position, epoch, this.size)
    const { size, shard } = this
    return {
      [Symbol.iterator]: () =>
        new Indices(this.indexAt(epoch), firstOf(position, shard), shard.worldSize, size),
    }
  }

  /** Returns a function from positions to indices for an epoch. */
  private indexAt(epoch: number): (position: number) => number {
    const { size, seed, kind, numDraws } = this.plan
    // Padding starts the epoch again.
    const isPadded = this.size > numDraws
    const at = this.drawAt(kind, size, seed, epoch)
    return isPadded ? (position) => at(position % numDraws) : at
  }

  private drawAt(
    kind: SamplerPlan['kind'],
    size: number,
    seed: number,
    epoch: number,
  ): (position: number) => number {
    if (kind === 'sequential') return (position) => position
    if (kind === 'permutation') {
      const order = new KeyedPermutation(size, seed, epoch)
      return (position) => order.at(position)
    }
    if (kind === 'weighted order') {
      if (this.ordered?.epoch !== epoch)
        this.ordered = { epoch, order: weightedOrder(this.plan.weights!, seed, epoch) }
      const { order } = this.ordered
      return (position) => order[position]!
    }
    const stream = new DrawStream(seed, epoch)
    const { draws } = this
    if (draws === undefined) return (position) => stream.integer(position, size)
    return (position) =>
      draws.pick(stream.integer(position, draws.columns), stream.fraction(position, 1))
  }

  private asPlan(): Plan<number> {
    const sampler = this
    return {
      size: this.size,
      access: 'random',
      isAsync: false,
      describe: () => this.description,
      *pick(positions, epoch) {
        const at = sampler.indexAt(epoch)
        for (const position of positions) yield at(position)
      },
    }
  }
}

/** An iterator written by hand, at half the cost of a generator. */
class Indices implements Iterator<number> {
  private readonly at: (position: number) => number
  private position: number
  private readonly step: number
  private readonly end: number

  constructor(at: (position: number) => number, position: number, step: number, end: number) {
    this.at = at
    this.position = position
    this.step = step
    this.end = end
  }

  next(): IteratorResult<number> {
    const { position } = this
    if (position >= this.end) return { done: true, value: undefined }
    this.position = position + this.step
    return { done: false, value: this.at(position) }
  }
}

function describe({ size, seed, kind, weights, numDraws }: SamplerPlan): {
  readonly [name: string]: Json
} {
  return {
    kind: 'sampler',
    order: kind,
    size,
    numDraws,
    ...(kind === 'sequential' ? {} : { seed }),
    ...(weights === undefined ? {} : { weights: digestOf(weights) }),
  }
}

function digestOf(weights: ArrayLike<number>): string {
  const hash = createHash('sha256')
  hash.update(Float64Array.from(weights))
  return hash.digest('hex').slice(0, 16)
}

/**
 * Numbers in the order of draws without replacement, with probabilities proportional to their
 * weights. Each number gets a key, the time of an exponential clock that ticks at the rate of its
 * weight (Efraimidis and Spirakis 2006, in logarithms). Numbers come in the order of their keys.
 * The order is the same on each rank, so ranks share it without communication.
 *
 * Takes O(N log N) time and 12 bytes per number for each epoch. It is the only weighted order that
 * cannot be computed position by position.
 */
function weightedOrder(weights: ArrayLike<number>, seed: number, epoch: number): Uint32Array {
  const stream = new DrawStream(seed, epoch)
  const order = Uint32Array.from(positiveOf(weights))
  const times = new Float64Array(weights.length)
  // Uses 1 - x, because x may be 0 but is never 1.
  for (const number of order)
    times[number] = -logarithm(1 - stream.fraction(number, 1)) / weights[number]!
  return order.sort((a, b) => times[a]! - times[b]! || a - b)
}

const bits = new DataView(new ArrayBuffer(8))

/**
 * The natural logarithm of `x`, 0 < `x` <= 1, to about 1e-15. It uses only additions,
 * multiplications and divisions, so its bits are the same on every machine. `Math.log` does not
 * guarantee this, but an order that several machines share requires it.
 */
function logarithm(x: number): number {
  bits.setFloat64(0, x)
  const high = bits.getUint32(0)
  let exponent = (high >>> 20) - 1023
  bits.setUint32(0, (high & 0x000fffff) | 0x3ff00000)
  // x = mantissa * 2^exponent. The mantissa is moved from 1..2 to around 1, where the series
  // converges fast.
  let mantissa = bits.getFloat64(0)
  if (mantissa > Math.SQRT2) {
    mantissa /= 2
    exponent++
  }
  // ln m = 2 artanh s = 2 (s + s^3/3 + s^5/5 + ...), s = (m - 1) / (m + 1), |s| < 0.172.
  const s = (mantissa - 1) / (mantissa + 1)
  const square = s * s
  let series = 0
  for (let power = 23; power >= 1; power -= 2) series = series * square + 1 / power
  return 2 * s * series + exponent * Math.LN2
}
