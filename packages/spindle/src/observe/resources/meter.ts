import { neighbourWarning, type ResourceInterval, resourcesBetween } from './interval.ts'
import type { ResourceUsage } from './usage.ts'

/** Total and peak resource usage. */
export interface ResourceSummary {
  /** From the first reading to the last. */
  readonly total: ResourceInterval
  /** Largest values of any single reading or interval. */
  readonly most: {
    readonly cpuCores: number
    readonly rssBytes: number
    readonly pssBytes: number | undefined
    readonly processes: number
    readonly threads: number | undefined
    readonly othersBusy: number
  }
  /** Warning that other programs took CPU time which was missing here; `undefined` if not. */
  readonly warning: string | undefined
}

/**
 * Keeps the first reading, the last one, and the largest values. Its owner decides when to read.
 */
export class ResourceMeter {
  readonly #read: () => ResourceUsage
  readonly #first: ResourceUsage
  #last: ResourceUsage
  #most: ResourceSummary['most']

  constructor(read: () => ResourceUsage) {
    this.#read = read
    this.#first = read()
    this.#last = this.#first
    this.#most = resourcesBetween(this.#first, this.#first)
  }

  /** Takes a reading. Returns what was used since the previous one. */
  advance(): ResourceInterval {
    const usage = this.#read()
    const interval = resourcesBetween(this.#last, usage)
    this.#last = usage
    const { cpuCores, othersBusy } = interval.elapsedMs < LEAST_PEAK_MS ? this.#most : interval
    this.#most = largest(this.#most, { ...interval, cpuCores, othersBusy })
    return interval
  }

  summary(): ResourceSummary {
    const total = resourcesBetween(this.#first, this.#last)
    return { total, most: largest(this.#most, total), warning: neighbourWarning(total) }
  }
}

/**
 * Shortest interval for a peak, in milliseconds. CPU times come in ticks of 10 ms, so in a shorter
 * one a peak is only rounding.
 */
const LEAST_PEAK_MS = 100

function largest(
  one: ResourceSummary['most'],
  other: ResourceSummary['most'],
): ResourceSummary['most'] {
  return {
    cpuCores: Math.max(one.cpuCores, other.cpuCores),
    rssBytes: Math.max(one.rssBytes, other.rssBytes),
    pssBytes: largestKnown(one.pssBytes, other.pssBytes),
    processes: Math.max(one.processes, other.processes),
    threads: largestKnown(one.threads, other.threads),
    othersBusy: Math.max(one.othersBusy, other.othersBusy),
  }
}

function largestKnown(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined ? other : other === undefined ? one : Math.max(one, other)
}
