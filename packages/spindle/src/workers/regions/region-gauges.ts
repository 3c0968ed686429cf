import { Histogram } from '../../engine/stats/histogram.ts'
import {
  BYTES,
  FIELDS_OF_STAGE,
  IN_FLIGHT,
  SIZE,
  TASKS,
  type WorkerReport,
} from './region-protocol.ts'
import type { RegionWorker } from './region-worker.ts'
import type { StageProxy } from './stage-proxy.ts'

/** Values that go up and down. */
const GAUGES = [IN_FLIGHT, SIZE, BYTES] as const

/**
 * Adds the counts of a region's workers to its stages. When a worker ends, subtracts what it had in
 * progress.
 */
export class RegionGauges {
  readonly #inner: readonly StageProxy[]
  readonly #gauges: Map<RegionWorker, number[]> = new Map()

  constructor(inner: readonly StageProxy[]) {
    this.#inner = inner
  }

  count(worker: RegionWorker, { counts, histograms, levels }: WorkerReport): void {
    const gauges = this.#gauges.get(worker) ?? new Array(counts.length).fill(0)
    this.#gauges.set(worker, gauges)
    this.#inner.forEach((stage, i) => {
      const at = i * FIELDS_OF_STAGE
      for (const gauge of GAUGES) gauges[at + gauge] += counts[at + gauge] as number
      stage.add(counts, at)
      const histogram = histograms?.[i]
      if (histogram !== undefined) stage.counters.histogram.merge(Histogram.from(histogram))
      const news = levels?.[i]
      if (news !== undefined) stage.counters.levels.merge(news)
    })
  }

  /** Removes all workers except these. */
  keepOnly(workers: ReadonlySet<RegionWorker>): void {
    if (this.#gauges.size <= workers.size) return
    for (const worker of this.#gauges.keys()) if (!workers.has(worker)) this.#uncount(worker)
  }

  /**
   * When a worker ends, its work is no longer in progress, and calls that did not end are not
   * counted as begun.
   */
  #uncount(worker: RegionWorker): void {
    const gauges = this.#gauges.get(worker)
    if (gauges === undefined) return
    this.#gauges.delete(worker)
    const counts: number[] = gauges.map((count) => -count)
    this.#inner.forEach((stage, i) => {
      const at = i * FIELDS_OF_STAGE
      counts[at + TASKS] = counts[at + IN_FLIGHT] as number
      stage.add(counts, at)
    })
  }
}
