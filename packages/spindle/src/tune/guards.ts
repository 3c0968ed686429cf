import { type Figures, Measurement } from './figures.ts'
import { fitting } from './memory.ts'
import type { Proposal, Step, Tuned } from './proposal.ts'
import type { TuneSample, TuningReason } from './tune-types.ts'

/** Share of calls with failures, time-outs or retries that is too high. */
const TROUBLED = 0.05
const LEAST_TROUBLED_CALLS = 5
/** Factor of one step against errors or a blocked event loop. */
const LESS = 0.7
/** How long memory may take to decrease, in milliseconds, and how much it may grow meanwhile. */
const DRAIN_MS = 5000
const MEMORY_GROWTH = 1.1
/** A step was effective if memory falls below this share of what was in use before it. */
const FREED = 0.97
/** Delay of the event loop that is too high, in milliseconds. */
const LOOP_DELAY_MS = 250

/** A number must be lowered at once. */
export interface Alarm {
  readonly figures: Figures
  readonly proposal: Proposal
  /** Whether the change needs no measurement. */
  readonly isCertain: boolean
}

/**
 * Checks each sample for urgent problems, even while changes settle: memory, errors, a blocked
 * event loop.
 */
export class GuardWatch {
  readonly #tuned: readonly Tuned[]
  readonly #memoryBytes: number
  #measurement: Measurement | undefined
  #delays = 0
  /**
   * Memory in use at the last step against it; 0 if no step was needed or memory has fallen below
   * the limit.
   */
  #before = 0

  constructor(tuned: readonly Tuned[], memoryBytes: number) {
    this.#tuned = tuned
    this.#memoryBytes = memoryBytes
  }

  /** Starts again after a change. */
  reset(sample: TuneSample | undefined): void {
    this.#measurement = sample && new Measurement(sample)
    this.#delays = 0
  }

  /**
   * Lower concurrency did not reduce the errors of a unit, so its current share of errors counts as
   * normal.
   */
  accustom({ changes }: Proposal, before: Figures): void {
    for (const { tuned } of changes) {
      const one = this.#tuned[tuned]
      if (one !== undefined) one.usualTroubles = before.units[tuned]?.troubles ?? 0
    }
  }

  /**
   * `isDraining`: calls that began under another bound are still running, so only memory is
   * checked.
   */
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
    // Calls in flight free their memory when they end. Memory that stays although fewer calls run
    // is not theirs.
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
      this.#share(heaviest, figures, memoryBytes),
      true,
    )
    if (alarm !== undefined) this.#before = memoryBytes
    return alarm
  }

  /** The share of a unit's slots that memory has room for. */
  #share(at: number | undefined, figures: Figures, memoryBytes: number): number {
    const unit = at === undefined ? undefined : figures.units[at]
    if (at === undefined || unit === undefined || unit.itemBytes === 0)
      return (0.9 * this.#memoryBytes) / memoryBytes
    const { value } = (this.#tuned[at] as Tuned).size
    return (
      fitting({ ...figures, mostMemoryBytes: memoryBytes }, unit, value, this.#memoryBytes) / value
    )
  }

  #troubles(figures: Figures, running: Proposal | undefined): Alarm | undefined {
    // A step against errors is already being measured.
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
    const { tuned } = running.changes[0] as Step
    return this.#lower(tuned, 'loop', figures, LESS, false)
  }

  /** The index of the largest value; `undefined` if all are 0. */
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
    const factor = Math.min(reason === 'memory' ? 0.95 : 0.75, Math.max(0.25, share))
    const to = Math.max(size.min, Math.floor(size.value * factor))
    const change: Step = { tuned, option: 'size', from: size.value, to }
    return {
      figures,
      isCertain,
      proposal: { reason, direction: 'down', changes: [change], isTrusted: false },
    }
  }
}
