import type { PipelineStats, StageStats } from '../engine/stats/pipeline-stats.ts'
import type { ResourceInterval } from './resources/interval.ts'
import { failuresOf, itemsIn } from './totals.ts'

/** What one stage did in an interval. Shares are of the time of its slots, 0 to 1. */
export interface StagePoint {
  /** Number of finished items: `StageStats.items`. */
  readonly emitted: number
  readonly failures: number
  readonly running: number
  readonly queued: number
  readonly backoff: number
  readonly throttled: number
  readonly blocked: number
  /** Share of the time in which the exit queue was not empty. */
  readonly occupancy: number
  /** Number of slots. */
  readonly concurrency: number
}

/** What the pipeline did in an interval. */
export interface SeriesPoint {
  /** End of the interval in milliseconds since the pipeline's start, and its length. */
  readonly endMs: number
  readonly spanMs: number
  readonly itemsIn: number
  readonly itemsOut: number
  readonly failures: number
  /** Shares of the time: the event loop was busy; the consumer was not waiting. */
  readonly loop: number
  readonly consumer: number
  /** CPU cores in use, maximum resident bytes, share of the machine used by other programs. */
  readonly cpuCores: number
  readonly rssBytes: number
  readonly othersBusy: number
  /** In the order of `PipelineStats.stages`. */
  readonly stages: readonly StagePoint[]
}

/** Makes a point from the difference of two readings. */
export function pointOf(
  interval: PipelineStats,
  endMs: number,
  resources: ResourceInterval,
): SeriesPoint {
  return {
    endMs,
    spanMs: interval.elapsedMs,
    itemsIn: itemsIn(interval),
    itemsOut: interval.items,
    failures: failuresOf(interval),
    loop: interval.loopUtilization,
    consumer: interval.consumer.busy,
    cpuCores: resources.cpuCores,
    rssBytes: resources.rssBytes,
    othersBusy: resources.othersBusy,
    stages: interval.stages.map(stagePoint),
  }
}

function stagePoint({ items, failures, shares, queue, concurrency }: StageStats): StagePoint {
  const { running, queued, backoff, throttled, blocked } = shares
  return {
    emitted: items,
    failures,
    running,
    queued,
    backoff,
    throttled,
    blocked,
    occupancy: queue.occupancy,
    concurrency,
  }
}

/**
 * Points of a run of any length in bounded memory. When it is full, neighbours are joined: half as
 * many points remain, each of twice the length, and new points have that length. Counts stay exact;
 * shares are means weighted by time.
 */
export class Series {
  readonly #most: number
  readonly #points: SeriesPoint[] = []
  /** Number of given points per kept point, and number of them in the last kept point. */
  #stride = 1
  #inLast = 0

  /** @param most maximum number of points, an even number >= 2 */
  constructor(most: number) {
    this.#most = most
  }

  get points(): readonly SeriesPoint[] {
    return this.#points
  }

  add(point: SeriesPoint): void {
    const last = this.#points.at(-1)
    if (last !== undefined && this.#inLast < this.#stride) {
      this.#points[this.#points.length - 1] = join(last, point)
      this.#inLast++
      return
    }
    if (this.#points.length === this.#most) this.#halve()
    this.#points.push(point)
    this.#inLast = 1
  }

  #halve(): void {
    const { length } = this.#points
    for (let i = 0; i < length; i += 2)
      this.#points[i / 2] = join(this.#points[i] as SeriesPoint, this.#points[i + 1] as SeriesPoint)
    this.#points.length = length / 2
    this.#stride *= 2
  }
}

/** At most `most` points that cover the same time, for tables. */
export function thinned(points: readonly SeriesPoint[], most: number): SeriesPoint[] {
  const each = Math.ceil(points.length / most)
  const thin: SeriesPoint[] = []
  points.forEach((point, i) => {
    if (i % each === 0) thin.push(point)
    else thin[thin.length - 1] = join(thin.at(-1) as SeriesPoint, point)
  })
  return thin
}

function join(a: SeriesPoint, b: SeriesPoint): SeriesPoint {
  const spanMs = a.spanMs + b.spanMs
  const mean = (one: number, other: number): number =>
    spanMs > 0 ? (one * a.spanMs + other * b.spanMs) / spanMs : other
  return {
    endMs: b.endMs,
    spanMs,
    itemsIn: a.itemsIn + b.itemsIn,
    itemsOut: a.itemsOut + b.itemsOut,
    failures: a.failures + b.failures,
    loop: mean(a.loop, b.loop),
    consumer: mean(a.consumer, b.consumer),
    cpuCores: mean(a.cpuCores, b.cpuCores),
    rssBytes: Math.max(a.rssBytes, b.rssBytes),
    othersBusy: mean(a.othersBusy, b.othersBusy),
    stages: b.stages.map((stage, i) => {
      const before = a.stages[i] as StagePoint
      return {
        emitted: before.emitted + stage.emitted,
        failures: before.failures + stage.failures,
        running: mean(before.running, stage.running),
        queued: mean(before.queued, stage.queued),
        backoff: mean(before.backoff, stage.backoff),
        throttled: mean(before.throttled, stage.throttled),
        blocked: mean(before.blocked, stage.blocked),
        occupancy: mean(before.occupancy, stage.occupancy),
        concurrency: mean(before.concurrency, stage.concurrency),
      }
    }),
  }
}
