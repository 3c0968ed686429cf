/** Buckets per octave. A value is accurate to 1/16 of an octave, 4.4 %. */
const PER_OCTAVE = 8
/** The lowest bucket holds everything below a microsecond. */
const LEAST_MS = 0.001
/** 36 octaves above a microsecond: 19 hours. */
const BUCKETS = 36 * PER_OCTAVE + 1

/**
 * Counts durations in buckets whose width grows with the value, as in DDSketch (Masson, Rim, Lee,
 * VLDB 2019) and HdrHistogram. It uses fixed memory (2.3 KB, allocated with the first value), and
 * its percentiles have a known accuracy. Histograms can be added and subtracted: those of workers
 * are merged, and an interval is the difference of two readings.
 */
export class Histogram {
  private counts: Float64Array | undefined
  /** Total weight of the values. */
  total = 0

  add(ms: number, weight: number): void {
    this.counts ??= new Float64Array(BUCKETS)
    const bucket = bucketOf(ms)
    this.counts[bucket] = (this.counts[bucket] as number) + weight
    this.total += weight
  }

  /**
   * The value in milliseconds below which the share `p` (0 to 1) of all values lies. 0 if there are
   * none.
   */
  percentile(p: number): number {
    if (this.counts === undefined || this.total === 0) return 0
    let left = p * this.total
    let last = 0
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const count = this.counts[bucket] as number
      if (count <= 0) continue
      last = bucket
      left -= count
      if (left <= 0) break
    }
    return middleOf(last)
  }

  /** Adds another histogram, or subtracts it with `sign` -1. */
  merge(other: Histogram, sign: 1 | -1 = 1): void {
    if (other.counts === undefined) return
    this.counts ??= new Float64Array(BUCKETS)
    for (let bucket = 0; bucket < BUCKETS; bucket++)
      this.counts[bucket] =
        (this.counts[bucket] as number) + sign * (other.counts[bucket] as number)
    this.total += sign * other.total
  }

  copy(): Histogram {
    const copy = new Histogram()
    copy.merge(this)
    return copy
  }

  /** The non-empty buckets as plain data: middle in milliseconds, count, middle, count, … */
  toJSON(): number[] {
    const list: number[] = []
    this.counts?.forEach((count, bucket) => {
      if (count > 0) list.push(middleOf(bucket), count)
    })
    return list
  }

  /** The inverse of {@link toJSON}. */
  static from(list: readonly number[]): Histogram {
    const histogram = new Histogram()
    for (let at = 0; at < list.length; at += 2)
      histogram.add(list[at] as number, list[at + 1] as number)
    return histogram
  }
}

function bucketOf(ms: number): number {
  if (!(ms > LEAST_MS)) return 0
  return Math.min(BUCKETS - 1, 1 + Math.floor(Math.log2(ms / LEAST_MS) * PER_OCTAVE))
}

function middleOf(bucket: number): number {
  return bucket === 0 ? LEAST_MS / 2 : LEAST_MS * 2 ** ((bucket - 0.5) / PER_OCTAVE)
}
