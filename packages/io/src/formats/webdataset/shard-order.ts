import { KeyedPermutation } from 'spindle/source'

/** Where a sample lies. */
export interface SamplePlace {
  readonly shard: number
  /** Its number in its shard. */
  readonly sample: number
}

/** How the samples of all shards follow each other. */
export class ShardOrder {
  /** How many samples there are. */
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
   * The order of an epoch. Making it goes through the shards; it is kept for as long as no other
   * epoch is asked for.
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

/** What an order depends on. */
export interface ShardOrderOptions {
  readonly interleave: number
  readonly shuffleShards: boolean
  readonly seed: number
}

/**
 * The order of one epoch: groups of shards, one after another; within a group the shards in turn,
 * passing over those that have no more.
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

  /** Where the sample of a position lies. */
  at(position: number): SamplePlace {
    const number = lastAtMost(this.starts.length, (index) => this.starts[index]!, position)
    const group = this.groups[number]!
    const within = position - this.starts[number]!
    const counts = group.map((shard) => this.counts[shard]!)
    if (group.length === 1) return { shard: group[0]!, sample: within }
    // How many come before round r: each shard's samples below r.
    const before = (round: number) => counts.reduce((sum, count) => sum + Math.min(count, round), 0)
    const sample = lastAtMost(Math.max(...counts), before, within)
    const turn = within - before(sample)
    const inRound = group.filter((_, index) => counts[index]! > sample)
    return { shard: inRound[turn]!, sample }
  }
}

/** The last of the numbers 0..count - 1 whose rising value is at most `limit`. */
function lastAtMost(count: number, value: (index: number) => number, limit: number): number {
  let [low, high] = [0, count]
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (value(middle) <= limit) low = middle
    else high = middle
  }
  return low
}
