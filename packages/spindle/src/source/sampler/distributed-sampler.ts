import { createHash } from 'node:crypto'
import { checkCount } from '../../check.ts'
import type { Json } from '../../engine/seekable.ts'
import { KeyedPermutation } from '../permutation.ts'
import { checkPlace, countOf, firstOf, register } from '../seek/expose.ts'
import type { Plan } from '../seek/seek-plan.ts'
import type { Shard, SyncSource } from '../seek/source-types.ts'
import { DrawStream, WeightedDraws } from './draws.ts'
import { type DistributedSamplerOptions, type SamplerPlan, samplerPlan } from './sampler-options.ts'
import { weightedOrder } from './weighted-order.ts'

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
