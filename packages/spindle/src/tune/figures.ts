import type { TuneSample, UnitSample } from './tune-types.ts'

/** One unit over a stretch of time: means and shares. */
export interface UnitFigures {
  /** Mean number of slots there were, at work, waiting for a worker, and held by results. */
  readonly slots: number
  readonly busy: number
  readonly queued: number
  readonly blocked: number
  /** Calls a millisecond, and their mean time. */
  readonly rate: number
  readonly meanMs: number
  /** Share of calls that failed, timed out or were made again. */
  readonly troubles: number
  /** Shares of the time in which the exit queue was empty, and full. */
  readonly empty: number
  readonly full: number
  readonly itemBytes: number
  readonly tasks: number
  readonly slowMs: number
  /** Items put out for one taken. */
  readonly fanOut: number
}

/** All units over a stretch of time. */
export interface Figures {
  readonly atMs: number
  readonly elapsedMs: number
  readonly items: number
  /** Items a millisecond at the consumer, and the relative standard error of that. */
  readonly rate: number
  readonly error: number
  /** Share of the time in which the consumer waited. */
  readonly waiting: number
  /** Mean number of cores that this process used, and that it could have used. */
  readonly cpu: number
  readonly cores: number
  /** Cores of the machine, and those of them that nobody used. */
  readonly machine: number
  readonly idle: number
  readonly memoryBytes: number
  readonly loopDelayMs: number
  readonly units: readonly UnitFigures[]
}

const LEAST_ERROR = 0.005
/** Blocks of samples that a standard error needs, and that it is taken from. */
const LEAST_BLOCKS = 4
const BLOCKS = 8
const SLOW_CALLS = 2
/** Share of the machine's cores that a process is taken to get, whatever others do. */
const LEAST_SHARE = 0.25

/**
 * The time since one sample. The samples between say how much the rate varies, and so how exact its
 * mean is: nothing is known beforehand of how items come.
 */
export class Measurement {
  readonly #first: TuneSample
  #last: TuneSample
  readonly #ticks: { readonly ms: number; readonly items: number }[] = []
  #memory = 0
  #loopDelayMs = 0

  constructor(first: TuneSample) {
    this.#first = first
    this.#last = first
  }

  add(sample: TuneSample): void {
    const elapsedMs = sample.atMs - this.#last.atMs
    if (elapsedMs <= 0) return
    this.#ticks.push({ ms: elapsedMs, items: sample.items - this.#last.items })
    this.#memory += sample.memoryBytes
    this.#loopDelayMs = Math.max(this.#loopDelayMs, sample.loopDelayMs)
    this.#last = sample
  }

  get elapsedMs(): number {
    return this.#last.atMs - this.#first.atMs
  }

  get items(): number {
    return this.#last.items - this.#first.items
  }

  get #error(): number {
    const { items } = this
    if (items === 0) return 1
    // An item more or less at the edges.
    const edges = 0.5 / items
    if (this.#ticks.length < LEAST_BLOCKS) return Math.max(LEAST_ERROR, 1 / Math.sqrt(items))
    // Where items come in bursts, neighbouring ticks depend on each other; long blocks do not.
    const size = Math.max(1, Math.floor(this.#ticks.length / BLOCKS))
    return Math.max(LEAST_ERROR, edges, this.#errorOfBlocks(size))
  }

  #errorOfBlocks(size: number): number {
    const rates: number[] = []
    for (let at = 0; at + size <= this.#ticks.length; at += size) {
      const block = this.#ticks.slice(at, at + size)
      rates.push(sumOf(block, 'items') / sumOf(block, 'ms'))
    }
    const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length
    if (mean === 0) return 1
    const variance = rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / (rates.length - 1)
    // Few blocks say little of how much they vary.
    return (Math.sqrt(variance / rates.length) / mean) * (1 + 1 / (rates.length - 1))
  }

  get figures(): Figures {
    const [first, last] = [this.#first, this.#last]
    const elapsedMs = Math.max(1e-6, this.elapsedMs)
    const others = (last.othersMs - first.othersMs) / elapsedMs
    return {
      atMs: last.atMs,
      elapsedMs,
      items: this.items,
      rate: this.items / elapsedMs,
      error: this.#error,
      waiting: Math.min(1, Math.max(0, (last.waitMs - first.waitMs) / elapsedMs)),
      cpu: (last.cpuMs - first.cpuMs) / elapsedMs,
      // However many others want cores: a process gets its share of them.
      cores: Math.max(LEAST_SHARE * last.cores, last.cores - others),
      machine: last.cores,
      idle: Math.max(0, last.cores - others - (last.cpuMs - first.cpuMs) / elapsedMs),
      memoryBytes: this.#ticks.length === 0 ? last.memoryBytes : this.#memory / this.#ticks.length,
      loopDelayMs: this.#loopDelayMs,
      units: last.units.map((unit, i) =>
        unitFigures(first.units[i] as UnitSample, unit, elapsedMs),
      ),
    }
  }
}

function sumOf<K extends string>(ticks: readonly Readonly<Record<K, number>>[], key: K): number {
  return ticks.reduce((sum, tick) => sum + tick[key], 0)
}

function unitFigures(before: UnitSample, after: UnitSample, elapsedMs: number): UnitFigures {
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
    slowMs: after.slowMs,
    fanOut: tasks > 0 ? of('emitted') / tasks : 1,
  }
}

/**
 * How long has to be measured to see what a call of any of the units comes to, in milliseconds:
 * some of the slowest calls.
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
 * One stretch, made of two between which nothing was changed: their rates are averaged by their
 * lengths, all else is the later one's.
 */
export function pooled(one: Figures, other: Figures): Figures {
  const elapsedMs = one.elapsedMs + other.elapsedMs
  const items = one.items + other.items
  const error = Math.hypot(one.error * one.elapsedMs, other.error * other.elapsedMs) / elapsedMs
  return {
    ...other,
    elapsedMs,
    items,
    rate: items / elapsedMs,
    error: Math.max(LEAST_ERROR, error),
  }
}
