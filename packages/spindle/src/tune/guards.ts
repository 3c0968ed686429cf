import { type Figures, Measurement } from './figures.ts'
import type { Change, Proposal, Tuned } from './proposal.ts'
import type { TuneSample, TuningReason } from './tune-types.ts'

/** Share of calls with failures, time-outs or further attempts that is too much. */
const TROUBLED = 0.05
const LEAST_TROUBLED_CALLS = 5
/** What is left of a number by one step against errors or a busy loop. */
const LESS = 0.7
/**
 * For how long memory may take to become less, in milliseconds, and how much more it may become
 * meanwhile.
 */
const DRAIN_MS = 5000
const MEMORY_GROWTH = 1.1
/** Share of the memory that must be left for a step to have been of use. */
const FREED = 0.97
/** Delay of the event loop, in milliseconds, that is too much. */
const LOOP_DELAY_MS = 250

/** Something must get smaller at once. */
export interface Alarm {
  readonly figures: Figures
  readonly proposal: Proposal
  /** Whether nothing has to be measured to know that it is right. */
  readonly isCertain: boolean
}

/**
 * Looks at each sample, also while things settle, for what must not wait: memory, errors, a loop
 * that is held up.
 */
export class GuardWatch {
  readonly #tuned: readonly Tuned[]
  readonly #memoryBytes: number
  #measurement: Measurement | undefined
  #delays = 0
  /**
   * Memory in use when something was done against it last; 0: nothing had to be, or it has helped.
   */
  #before = 0

  constructor(tuned: readonly Tuned[], memoryBytes: number) {
    this.#tuned = tuned
    this.#memoryBytes = memoryBytes
  }

  /** Something was changed: what was before does not count. */
  reset(sample: TuneSample | undefined): void {
    this.#measurement = sample && new Measurement(sample)
    this.#delays = 0
  }

  /** Errors at a unit are not fewer where fewer calls run: so many are usual there. */
  accustom({ changes }: Proposal, before: Figures): void {
    for (const { tuned } of changes) {
      const one = this.#tuned[tuned]
      if (one !== undefined) one.usualTroubles = before.units[tuned]?.troubles ?? 0
    }
  }

  /** `isDraining`: calls that began under another bound are under way: only memory is looked at. */
  look(sample: TuneSample, running: Proposal | undefined, isDraining: boolean): Alarm | undefined {
    if (this.#measurement === undefined) {
      this.reset(sample)
      return undefined
    }
    this.#measurement.add(sample)
    const { figures } = this.#measurement
    const alarm = this.#memory(figures, sample)
    if (alarm !== undefined) return alarm
    if (!isDraining) return this.#troubles(figures, running) ?? this.#loop(figures, sample, running)
    if (figures.memoryBytes <= this.#memoryBytes) this.reset(sample)
    return undefined
  }

  #memory(figures: Figures, { memoryBytes }: TuneSample): Alarm | undefined {
    if (memoryBytes <= this.#memoryBytes) {
      this.#before = 0
      return undefined
    }
    // What calls in flight hold is given back when they end; and what stays though there are fewer
    // of them is not theirs.
    const isLess = memoryBytes < FREED * this.#before
    if (this.#before > 0 && memoryBytes < this.#before * MEMORY_GROWTH)
      if (figures.elapsedMs < DRAIN_MS || !isLess) return undefined
    const heaviest = this.#largest((i) => {
      const { size } = this.#tuned[i] as Tuned
      return size.value > size.min ? size.value * Math.max(1, figures.units[i]?.itemBytes ?? 0) : 0
    })
    const alarm = this.#lower(
      heaviest,
      'memory',
      figures,
      (0.9 * this.#memoryBytes) / memoryBytes,
      true,
    )
    if (alarm !== undefined) this.#before = memoryBytes
    return alarm
  }

  #troubles(figures: Figures, running: Proposal | undefined): Alarm | undefined {
    // What was done against it is being measured.
    if (running?.reason === 'errors') return undefined
    const troubled = this.#largest((i) => {
      const unit = figures.units[i]
      const { size, usualTroubles } = this.#tuned[i] as Tuned
      if (unit === undefined || size.value <= size.min) return 0
      if (unit.troubles * unit.tasks < LEAST_TROUBLED_CALLS) return 0
      return unit.troubles > Math.max(TROUBLED, 2 * usualTroubles) ? unit.troubles : 0
    })
    return this.#lower(troubled, 'errors', figures, LESS, false)
  }

  #loop(figures: Figures, sample: TuneSample, running: Proposal | undefined): Alarm | undefined {
    if (sample.loopDelayMs > LOOP_DELAY_MS) this.#delays++
    if (this.#delays < 2 || running?.direction !== 'up') return undefined
    const { tuned } = running.changes[0] as Change
    return this.#lower(tuned, 'loop', figures, LESS, false)
  }

  /** The index of the largest; `undefined` if all are 0. */
  #largest(of: (i: number) => number): number | undefined {
    let at: number | undefined
    let most = 0
    this.#tuned.forEach((_, i) => {
      const value = of(i)
      if (value <= most) return
      most = value
      at = i
    })
    return at
  }

  #lower(
    tuned: number | undefined,
    reason: TuningReason,
    figures: Figures,
    share: number,
    isCertain: boolean,
  ): Alarm | undefined {
    if (tuned === undefined) return undefined
    const { size } = this.#tuned[tuned] as Tuned
    const factor = Math.min(0.75, Math.max(0.25, share))
    const to = Math.max(size.min, Math.floor(size.value * factor))
    const change: Change = { tuned, option: 'size', from: size.value, to }
    return {
      figures,
      isCertain,
      proposal: { reason, direction: 'down', changes: [change], isTrusted: false },
    }
  }
}
