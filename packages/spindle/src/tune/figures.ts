import { areBursts, longestSilence, type Rate, rateOfBursts, type Tick } from './bursts.ts'
import type { TuneSample, UnitSample } from './tune-types.ts'

/** One unit in a period: means and shares. */
export interface UnitFigures {
  /** Mean number of slots: all, busy, waiting for a worker, and held by results. */
  readonly slots: number
  readonly busy: number
  readonly queued: number
  readonly blocked: number
  /** Calls per millisecond, and their mean time. */
  readonly rate: number
  readonly meanMs: number
  /** Share of calls that failed, timed out or were retried. */
  readonly troubles: number
  /** Shares of the time in which the exit queue was empty, and full. */
  readonly empty: number
  readonly full: number
  readonly itemBytes: number
  readonly tasks: number
  /** Highest number of calls in flight that a sample showed. */
  readonly most: number
  readonly slowMs: number
  /** Number of outputs per input. */
  readonly fanOut: number
}

/** All units in a period. */
export interface Figures {
  readonly atMs: number
  readonly elapsedMs: number
  readonly items: number
  /** Items per millisecond at the consumer, and the relative standard error of that rate. */
  readonly rate: number
  readonly error: number
  /** The same for each core that this process could use. */
  readonly perCore: number
  readonly perCoreError: number
  /** The longest time without items. */
  readonly silenceMs: number
  /** Share of the time in which the consumer waited. */
  readonly waiting: number
  /** Mean number of cores that this process used, and that it could have used. */
  readonly cpu: number
  readonly cores: number
  /** Number of cores of the machine, and mean number of idle ones. */
  readonly machine: number
  readonly idle: number
  /** Mean and highest memory in use. */
  readonly memoryBytes: number
  readonly mostMemoryBytes: number
  readonly loopDelayMs: number
  readonly units: readonly UnitFigures[]
}

/** Share of the machine's cores from which on this process counts as undisturbed. */
export const UNDISTURBED = 0.9

const LEAST_ERROR = 0.005
/**
 * Minimum number of blocks of samples for a standard error, and the number that it is computed
 * from.
 */
const LEAST_BLOCKS = 4
const BLOCKS = 8
const SLOW_CALLS = 2
/** Minimum share of the machine's cores that a process is assumed to get, whatever others use. */
const LEAST_SHARE = 0.25

/**
 * Measures the time since one sample. The samples between show how much the rate varies, and so how
 * precise its mean is. Nothing is assumed about how items arrive.
 */
export class Measurement {
  readonly #first: TuneSample
  #last: TuneSample
  readonly #ticks: Tick[] = []
  readonly #afterItems: boolean
  #most: readonly number[] = []
  #memory = 0
  #mostMemory = 0
  #loopDelayMs = 0

  /** `before`: the sample before the first one. */
  constructor(first: TuneSample, before: TuneSample = first) {
    this.#first = first
    this.#last = first
    this.#afterItems = first.items > before.items
  }

  add(sample: TuneSample): void {
    const elapsedMs = sample.atMs - this.#last.atMs
    if (elapsedMs <= 0) return
    const others = (sample.othersMs - this.#last.othersMs) / elapsedMs
    this.#ticks.push({
      ms: elapsedMs,
      coreMs: elapsedMs * coresLeft(sample.cores, others),
      items: sample.items - this.#last.items,
    })
    this.#most = sample.units.map(({ running }, i) => Math.max(running, this.#most[i] ?? 0))
    this.#memory += sample.memoryBytes
    this.#mostMemory = Math.max(this.#mostMemory, sample.memoryBytes)
    this.#loopDelayMs = Math.max(this.#loopDelayMs, sample.loopDelayMs)
    this.#last = sample
  }

  get elapsedMs(): number {
    return this.#last.atMs - this.#first.atMs
  }

  get items(): number {
    return this.#last.items - this.#first.items
  }

  /** Items in this kind of time, and the relative standard error of that. */
  #rate(time: 'ms' | 'coreMs'): Rate {
    const bursts = areBursts(this.#ticks)
      ? (rateOfBursts(this.#ticks, time, this.#afterItems) ?? { error: 1 })
      : undefined
    const rate = this.items / Math.max(1e-6, sumOf(this.#ticks, time))
    return { rate, error: this.#error(time), ...bursts }
  }

  #error(time: 'ms' | 'coreMs'): number {
    const { items } = this
    if (items === 0) return 1
    // An item more or less at the edges.
    const edges = 0.5 / items
    if (this.#ticks.length < LEAST_BLOCKS) return Math.max(LEAST_ERROR, 1 / Math.sqrt(items))
    // If items come in bursts, neighbouring ticks depend on each other, but long blocks do not.
    const size = Math.max(1, Math.floor(this.#ticks.length / BLOCKS))
    return Math.max(LEAST_ERROR, edges, this.#errorOfBlocks(size, time))
  }

  #errorOfBlocks(size: number, time: 'ms' | 'coreMs'): number {
    const rates: number[] = []
    for (let at = 0; at + size <= this.#ticks.length; at += size) {
      const block = this.#ticks.slice(at, at + size)
      rates.push(sumOf(block, 'items') / sumOf(block, time))
    }
    const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length
    if (mean === 0) return 1
    const variance = rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / (rates.length - 1)
    // A few blocks are a poor estimate of the variance.
    return (Math.sqrt(variance / rates.length) / mean) * (1 + 1 / (rates.length - 1))
  }

  get figures(): Figures {
    const [first, last] = [this.#first, this.#last]
    const elapsedMs = Math.max(1e-6, this.elapsedMs)
    const others = (last.othersMs - first.othersMs) / elapsedMs
    const perMs = this.#rate('ms')
    const perCoreMs = this.#rate('coreMs')
    return {
      atMs: last.atMs,
      elapsedMs,
      items: this.items,
      rate: perMs.rate,
      error: perMs.error,
      perCore: perCoreMs.rate,
      perCoreError: perCoreMs.error,
      silenceMs: longestSilence(this.#ticks),
      waiting: Math.min(1, Math.max(0, (last.waitMs - first.waitMs) / elapsedMs)),
      cpu: (last.cpuMs - first.cpuMs) / elapsedMs,
      cores: coresLeft(last.cores, others),
      machine: last.cores,
      idle: Math.max(0, last.cores - others - (last.cpuMs - first.cpuMs) / elapsedMs),
      memoryBytes: this.#ticks.length === 0 ? last.memoryBytes : this.#memory / this.#ticks.length,
      mostMemoryBytes: Math.max(this.#mostMemory, last.memoryBytes),
      loopDelayMs: this.#loopDelayMs,
      units: last.units.map((unit, i) =>
        unitFigures(first.units[i] as UnitSample, unit, elapsedMs, this.#most[i] ?? 0),
      ),
    }
  }
}

/** A process gets its share of the cores, however many others want them. */
function coresLeft(cores: number, others: number): number {
  return Math.max(LEAST_SHARE * cores, cores - others)
}

function sumOf<K extends string>(ticks: readonly Readonly<Record<K, number>>[], key: K): number {
  return ticks.reduce((sum, tick) => sum + tick[key], 0)
}

function unitFigures(
  before: UnitSample,
  after: UnitSample,
  elapsedMs: number,
  most: number,
): UnitFigures {
  const of = (key: keyof UnitSample): number => Math.max(0, after[key] - before[key])
  const slots = of('slotMs') / elapsedMs
  const busy = Math.min(slots, of('busyMs') / elapsedMs)
  const blocked = Math.min(slots - busy, of('blockedMs') / elapsedMs)
  const queued = Math.min(slots - busy - blocked, of('queuedMs') / elapsedMs)
  const tasks = of('tasks')
  const timed = of('timed')
  return {
    slots,
    busy,
    queued,
    blocked,
    rate: tasks / elapsedMs,
    meanMs: timed > 0 ? of('timedMs') / timed : 0,
    troubles: tasks > 0 ? of('troubles') / tasks : of('troubles') > 0 ? 1 : 0,
    empty: Math.min(1, of('emptyMs') / elapsedMs),
    full: Math.min(1, of('fullMs') / elapsedMs),
    itemBytes: after.itemBytes,
    tasks,
    most,
    slowMs: after.slowMs,
    fanOut: tasks > 0 ? of('emitted') / tasks : 1,
  }
}

/**
 * How long to measure, in milliseconds, until the effect of any unit's calls shows: a few times its
 * slowest calls.
 */
export function leastMsOf(
  units: readonly UnitFigures[],
  shortest: number,
  longest: number,
): number {
  const slowMs = Math.max(0, ...units.map((unit) => unit.slowMs))
  return Math.min(longest, Math.max(shortest, SLOW_CALLS * slowMs))
}

/**
 * Joins two periods without a change between them: rates are averaged by length, other values are
 * those of the later one.
 */
export function pooled(one: Figures, other: Figures): Figures {
  const elapsedMs = one.elapsedMs + other.elapsedMs
  const items = one.items + other.items
  const joined = (key: 'error' | 'perCoreError'): number =>
    Math.max(
      LEAST_ERROR,
      Math.hypot(one[key] * one.elapsedMs, other[key] * other.elapsedMs) / elapsedMs,
    )
  const coreMs = one.items / one.perCore + other.items / other.perCore
  const units = other.units.map((unit, i) => ({
    ...unit,
    most: Math.max(unit.most, one.units[i]?.most ?? 0),
  }))
  return {
    ...other,
    units,
    silenceMs: Math.max(one.silenceMs, other.silenceMs),
    mostMemoryBytes: Math.max(one.mostMemoryBytes, other.mostMemoryBytes),
    elapsedMs,
    items,
    rate: items / elapsedMs,
    error: joined('error'),
    perCore: items / coreMs,
    perCoreError: joined('perCoreError'),
  }
}
