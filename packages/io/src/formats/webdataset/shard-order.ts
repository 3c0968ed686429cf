import { KeyedPermutation } from 'spindle/source'

/** The place of a sample. */
export interface SamplePlace {
  readonly shard: number
  /** Number of the sample in its shard. */
  readonly sample: number
}

/** The order of the samples of all shards. */
export class ShardOrder {
  /** Number of samples. */
  readonly size: number
  private readonly counts: readonly number[]
  private readonly options: ShardOrderOptions
  private last: { readonly epoch: number; readonly order: EpochOrder } | undefined

  /** @param counts samples of each shard */
  constructor(counts: readonly number[], options: ShardOrderOptions) {
    this.counts = counts
    this.options = options
    this.size = counts.reduce((sum, count) => sum + count, 0)
  }

  /**
   * The order of an epoch. Building it visits all shards; it is kept until another epoch is
   * requested.
   */
  ofEpoch(epoch: number): EpochOrder {
    const { interleave, shuffleShards, seed } = this.options
    const key = shuffleShards ? epoch : 0
    if (this.last?.epoch !== key) {
      const { counts } = this
      const order = new KeyedPermutation(counts.length, seed, epoch)
      const shards = counts.map((_, place) => (shuffleShards ? order.at(place) : place))
      this.last = { epoch: key, order: new EpochOrder(counts, shards, interleave) }
    }
    return this.last.order
  }
}

/** The options that determine an order. */
export interface ShardOrderOptions {
  readonly interleave: number
  readonly shuffleShards: boolean
  readonly seed: number
}

/**
 * The order of one epoch: groups of shards, one after another. Within a group, the shards take
 * turns; shards without more samples are skipped.
 */
export class EpochOrder {
  private readonly counts: readonly number[]
  private readonly groups: readonly (readonly number[])[]
  /** First position of each group. */
  private readonly starts: readonly number[]

  constructor(counts: readonly number[], shards: readonly number[], interleave: number) {
    this.counts = counts
    const groups: number[][] = []
    for (let i = 0; i < shards.length; i += interleave) groups.push(shards.slice(i, i + interleave))
    let start = 0
    this.groups = groups
    this.starts = groups.map((group) => {
      const first = start
      for (const shard of group) start += counts[shard]!
      return first
    })
  }

  /** The place of the sample at a position. */
  at(position: number): SamplePlace {
    const number = lastAtMost(this.starts.length, (index) => this.starts[index]!, position)
    const group = this.groups[number]!
    const within = position - this.starts[number]!
    const counts = group.map((shard) => this.counts[shard]!)
    if (group.length === 1) return { shard: group[0]!, sample: within }
    // Number of samples before round r: each shard's samples below r.
    const before = (round: number) => counts.reduce((sum, count) => sum + Math.min(count, round), 0)
    const sample = lastAtMost(Math.max(...counts), before, within)
    const turn = within - before(sample)
    const inRound = group.filter((_, index) => counts[index]! > sample)
    return { shard: inRound[turn]!, sample }
  }
}

/** The last of the numbers 0..count - 1 whose value, which rises, is at most `limit`. */
function lastAtMost(count: number, value: (index: number) => number, limit: number): number {
  let [low, high] = [0, count]
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (value(middle) <= limit) low = middle
    else high = middle
  }
  return low
}
