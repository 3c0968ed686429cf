import { Bracket, Taboo } from './bracket.ts'
import { areCoresFull } from './climb.ts'
import { TrialDebt } from './debt.ts'
import { type Figures, leastMsOf, Measurement, pooled, UNDISTURBED } from './figures.ts'
import { GuardWatch } from './guards.ts'
import { type Judgement, judge } from './judge.ts'
import { MoveLog } from './move-log.ts'
import { type Proposal, SATISFIED, type Step, type Tuned } from './proposal.ts'
import { propose } from './propose.ts'
import { SlotRates } from './slot-rates.ts'
import type { Change, TunerSettings, TuneSample, TuningMove, UnitSample } from './tune-types.ts'

/**
 * Limits of the interval between two samples, in milliseconds, and number of items that should
 * arrive between two.
 */
const SHORTEST_TICK_MS = 50
const LONGEST_TICK_MS = 250
const ITEMS_A_TICK = 6

/**
 * A baseline is precise enough with this many items in this time and with this error, or after the
 * longest time.
 */
const BASE_ITEMS = 16
const BASE_MS = 300
const BASE_ERROR = 0.025
/** The first step is large, so a less precise baseline is enough. */
const FIRST_ERROR = 0.06
/** With a larger error, a baseline is measured for twice as long. */
const ROUGH = 0.15
const LONGEST_BASE_MS = 2500
const LATEST_BASE_MS = 8000
/** The longest time that a baseline takes until a whole period between two bursts is seen. */
const BURST_MS = 30_000
/** Time of a baseline while nothing is left to try, in milliseconds. */
const CALM_MS = 2000

/** If the consumer's share of waiting grows by this much, tuning starts again. */
const MORE_WAITING = 0.1

const LEAST_SETTLE_MS = 100
const LONGEST_SETTLE_MS = 6000
const SETTLE_CALLS = 1.5

/**
 * A relative difference of the rate, without a change, that means that the workload has changed.
 */
const CHANGE_POINT = 0.2
/** Baselines that agree are averaged, up to this time, in milliseconds. */
const LONGEST_POOL_MS = 5000
/** A baseline that differs by more than this from the next one was wrong. */
const UNFAIR = 0.05
/** Gain of a step down from which on the next one is larger. */
const WORTHY = 0.03
/** Gain of a step down, above its error, that shows that the number before is worse; how long. */
const CERTAINLY = 0.05
const WORSE_MS = 30_000
/** A refused number with a loss up to this was harmless. */
const HARMLESS = 0.015

/** How long cores count as shared after other processes used some, in milliseconds. */
const SHARED_MS = 30_000

/** What the caller must do: apply the changes, and take the next sample after `waitMs`. */
export interface TunerStep {
  readonly changes: readonly Change[]
  readonly waitMs: number
}

/**
 * Searches for the numbers that give the highest rate. It proposes changes by a model, accepts them
 * by measurement, and otherwise rolls them back.
 *
 *   SETTLING --calls under the old numbers are over--> MEASURING --baseline known: propose()--> (trial) SETTLING
 *       ^                                                  '--trial judged: accepted, or rolled back--> SETTLING
 *       '--a guard was exceeded (memory, errors, loop): less at once------'
 *
 * It has no clock and no pipeline: samples in, changes out. The same samples give the same changes.
 */
export class Tuner {
  readonly #settings: TunerSettings
  readonly #tuned: readonly Tuned[]
  readonly #log: MoveLog
  readonly #guards: GuardWatch
  #measurement: Measurement | undefined
  #settledAtMs = 0
  /** Units whose bounds were lowered. Calls above the new bound must end first. */
  #drains: readonly number[] = []
  #drainsUntilMs = 0
  #base: Figures | undefined
  #trial: { readonly proposal: Proposal; readonly base: Figures } | undefined
  #best = 0
  /** For increases of several units at once. */
  readonly #together: Taboo = new Taboo()
  readonly #debt = new TrialDebt()
  /** When other processes were last seen to use cores. */
  #sharedAtMs = Number.NEGATIVE_INFINITY
  #isCalm = false
  /** Whether the consumer has just begun to wait. */
  #isHurried = false
  /** The steps that were refused last, relative to the last baseline. */
  #refused: readonly Step[] = []
  #isDone = false
  #before: TuneSample | undefined

  constructor(settings: TunerSettings) {
    this.#settings = settings
    this.#tuned = settings.units.map((unit) => ({
      unit,
      size: new Bracket(unit),
      buffer: unit.buffer && new Bracket(unit.buffer),
      rates: new SlotRates(),
      usualTroubles: 0,
    }))
    this.#log = new MoveLog(this.#tuned)
    this.#guards = new GuardWatch(this.#tuned, settings.memoryBytes)
  }

  /** Every move so far, including those in progress. */
  get moves(): readonly TuningMove[] {
    return this.#log.moves
  }

  /** Whether tuning `'once'` has ended: nothing is left to try. */
  get isDone(): boolean {
    return this.#isDone
  }

  /** Handles the next sample. */
  next(sample: TuneSample): TunerStep {
    const before = this.#before ?? sample
    this.#before = sample
    const steps = this.#guarded(sample) ?? this.#advance(sample, before)
    const rate = (sample.items - before.items) / Math.max(1, sample.atMs - before.atMs)
    const waitMs = Math.min(
      LONGEST_TICK_MS,
      Math.max(SHORTEST_TICK_MS, ITEMS_A_TICK / Math.max(1e-9, rate)),
    )
    return {
      changes: steps.map((step) => this.#log.toChange(step)),
      waitMs: this.#isCalm ? LONGEST_TICK_MS : waitMs,
    }
  }

  /** Handles a sample from which no rate can be computed yet. Only the guards check it. */
  watch(sample: TuneSample): TunerStep {
    this.#before = sample
    this.#measurement = undefined
    const steps = this.#guarded(sample) ?? []
    return { changes: steps.map((step) => this.#log.toChange(step)), waitMs: SHORTEST_TICK_MS }
  }

  /**
   * Called while the consumer is paused, when nothing can be measured. The current measurement
   * starts again afterwards.
   */
  interrupt(sample: TuneSample): void {
    this.#before = sample
    this.#measurement = undefined
    this.#guards.reset(undefined)
  }

  #advance(sample: TuneSample, before: TuneSample): readonly Step[] {
    if (sample.items === 0 || this.#isSettling(sample)) return []
    if (this.#measurement === undefined) {
      this.#measurement = new Measurement(sample, before)
      return []
    }
    this.#measurement.add(sample)
    const { figures } = this.#measurement
    return this.#trial === undefined ? this.#observe(figures) : this.#judge(figures)
  }

  // --- without a trial: the baseline

  #observe(figures: Figures): readonly Step[] {
    if (!this.#isKnown(figures)) return []
    const isOne = this.#compare(figures)
    this.#measurement = undefined
    const base = this.#base
    if (!isOne || base === undefined) return []
    const found = this.#propose(base)
    const proposal = found && {
      ...found,
      isTrusted: found.isTrusted || (this.#isHurried && found.direction === 'up'),
    }
    this.#isHurried = false
    this.#isCalm = proposal === undefined
    if (proposal !== undefined)
      return this.#isAffordable(proposal, base) ? this.#begin(proposal, base) : []
    if (this.#settings.mode === 'once') this.#isDone = true
    return []
  }

  #propose(figures: Figures): Proposal | undefined {
    if (figures.cores < UNDISTURBED * figures.machine) this.#sharedAtMs = figures.atMs
    return propose({
      figures,
      tuned: this.#tuned,
      memoryBytes: this.#settings.memoryBytes,
      together: this.#together,
      areCoresShared: figures.atMs - this.#sharedAtMs < SHARED_MS,
    })
  }

  /** While the loss of earlier trials is not paid off, only steps of little risk are tried. */
  #isAffordable({ direction, changes }: Proposal, { atMs }: Figures): boolean {
    if (this.#debt.isPaid(atMs)) return true
    return direction === 'up' && changes.every((step) => this.#bracketOf(step)?.refusals === 0)
  }

  #isKnown({ items, elapsedMs, error, waiting, units }: Figures): boolean {
    // Nothing is known of calls that take longer: raising their number would be a guess.
    if (items === 0 || (error >= 1 && elapsedMs < BURST_MS)) return false
    const isAsBefore = waiting < (this.#base?.waiting ?? 1) + MORE_WAITING
    if (this.#isCalm && isAsBefore)
      return elapsedMs >= CALM_MS && (items >= BASE_ITEMS || elapsedMs >= LATEST_BASE_MS)
    if (items < BASE_ITEMS)
      return elapsedMs >= LATEST_BASE_MS || (items >= 8 && elapsedMs >= LONGEST_BASE_MS)
    const enough = this.#log.moves.length === 0 ? FIRST_ERROR : BASE_ERROR
    return (
      elapsedMs >= leastMsOf(units, BASE_MS, LONGEST_BASE_MS) &&
      (error <= enough || elapsedMs >= this.#longestBaseMs(error))
    )
  }

  /** The first baseline after a change may cover a part of the change. */
  #longestBaseMs(error: number): number {
    const isRough = error > ROUGH && this.#base === undefined && !this.#isHurried
    return isRough ? 2 * LONGEST_BASE_MS : LONGEST_BASE_MS
  }

  /**
   * Takes a new baseline. If it differs much from the last one although nothing was changed, what
   * was learnt is outdated, and this measurement is a mixture of both states: returns false then.
   */
  #compare(figures: Figures): boolean {
    const base = this.#base
    if (base !== undefined && base.rate > 0) {
      const difference = Math.abs(figures.rate / base.rate - 1)
      const error = Math.hypot(figures.error, base.error)
      if (base.waiting <= SATISFIED && figures.waiting > MORE_WAITING && base.rate > figures.rate)
        return this.#changed(figures)
      const isDisturbed = Math.abs(figures.cores / base.cores - 1) > CHANGE_POINT / 2
      if (difference > CHANGE_POINT && difference > 3 * error && !isDisturbed)
        return this.#changed(figures)
      // Numbers that were refused relative to a wrong baseline get another trial.
      if (difference > UNFAIR && difference > 1.5 * error)
        for (const step of this.#refused) this.#bracketOf(step)?.pardon()
      this.#refused = []
      if (difference < error && !isDisturbed && base.elapsedMs < LONGEST_POOL_MS) {
        this.#base = pooled(base, figures)
        return true
      }
    }
    this.#base = figures
    this.#best = Math.max(0.9 * this.#best, this.#certain(figures))
    return true
  }

  /**
   * Starts again after a change of the workload. If the consumer has begun to wait, its demand is
   * known, so larger steps are justified.
   */
  #changed(figures: Figures): boolean {
    const hadEnough = (this.#base?.waiting ?? 1) <= SATISFIED && figures.waiting > MORE_WAITING
    for (const { size, buffer, rates } of this.#tuned) {
      size.forget()
      buffer?.forget()
      rates.forget()
      if (hadEnough) size.boldUp = 2
    }
    this.#best = 0
    this.#together.forget()
    this.#base = undefined
    this.#isHurried = hadEnough
    return false
  }

  #bracketOf({ tuned, option }: Step): Bracket | undefined {
    const { size, buffer } = this.#tuned[tuned] as Tuned
    return option === 'size' ? size : buffer
  }

  #certain({ rate, error }: Figures): number {
    return rate * (1 - Math.min(1, 2 * error))
  }

  // --- trials

  #begin(proposal: Proposal, base: Figures): readonly Step[] {
    this.#trial = { proposal, base }
    this.#log.begin(proposal, base)
    this.#apply(proposal.changes, base)
    return proposal.changes
  }

  #apply(steps: readonly Step[], base: Figures): void {
    for (const step of steps) {
      const bracket = this.#bracketOf(step)
      if (bracket !== undefined) bracket.value = step.to
    }
    const now = this.#before?.atMs ?? 0
    const ms = Math.max(LEAST_SETTLE_MS, ...steps.map((step) => settleMs(step, base)))
    this.#settledAtMs = now + Math.min(LONGEST_SETTLE_MS, ms)
    this.#drainsUntilMs = now + LONGEST_SETTLE_MS
    this.#drains = steps.flatMap(({ tuned, from, to }) => (to < from ? [tuned] : []))
    this.#measurement = undefined
    this.#guards.reset(this.#before)
  }

  #isSettling({ atMs, units }: TuneSample): boolean {
    if (atMs < this.#settledAtMs) return true
    if (this.#drains.length === 0 || atMs >= this.#drainsUntilMs) return false
    const isAbove = this.#drains.some((i) => {
      const { size, buffer } = this.#tuned[i] as Tuned
      const { running, waiting } = units[i] as UnitSample
      return (
        running > size.value ||
        running + waiting > size.value + (buffer?.value ?? Number.POSITIVE_INFINITY)
      )
    })
    if (!isAbove) this.#drains = []
    return isAbove
  }

  #judge(figures: Figures): readonly Step[] {
    const trial = this.#trial
    if (trial === undefined) return []
    const verdict = judge(trial.proposal, trial.base, figures, this.#best)
    if (verdict === 'more') return []
    const lost =
      trial.base.rate > 0 ? 1 - (figures.rate * (1 + figures.error)) / trial.base.rate : 0
    return this.#conclude(verdict, figures, lost <= HARMLESS)
  }

  #conclude(
    verdict: Exclude<Judgement, 'more'>,
    figures: Figures,
    isHarmless: boolean,
  ): readonly Step[] {
    const trial = this.#trial
    if (trial === undefined) return []
    const { proposal, base } = trial
    this.#trial = undefined
    this.#noteRates(base)
    this.#noteRates(figures)
    this.#log.conclude(verdict === 'accept', figures)
    if (verdict === 'accept') {
      this.#accepted(proposal, base, figures)
      this.#base = figures
      this.#measurement = undefined
      this.#best = Math.max(this.#best, this.#certain(figures))
      if (proposal.reason === 'errors') {
        // Calls that were refused still wait for their next attempt.
        this.#base = undefined
        this.#settledAtMs = figures.atMs + settledMs(proposal.changes, figures)
        return []
      }
      return this.#continue(figures)
    }
    const tookMs = figures.atMs - base.atMs
    this.#debt.add(tookMs, 1 - figures.rate / base.rate, figures.atMs)
    const back = proposal.changes.map(({ from, to, ...rest }) => ({ ...rest, from: to, to: from }))
    this.#apply(back, figures)
    if (verdict === 'reject' && proposal.reason === 'errors') this.#guards.accustom(proposal, base)
    else if (verdict === 'reject') {
      for (const step of proposal.changes)
        this.#bracketOf(step)?.refuse(step.to, figures.atMs, tookMs, isHarmless)
      this.#refused = proposal.changes
    }
    return back
  }

  #noteRates(figures: Figures): void {
    if (figures.cores < UNDISTURBED * figures.machine) return
    figures.units.forEach((unit, i) => {
      this.#tuned[i]?.rates.note(unit, figures)
    })
  }

  /**
   * The measurement of an accepted trial is the next baseline, so the next step can begin at once.
   */
  #continue(figures: Figures): readonly Step[] {
    const proposal = this.#propose(figures)
    return proposal === undefined || !this.#isAffordable(proposal, figures)
      ? []
      : this.#begin(proposal, figures)
  }

  #accepted({ changes, direction, isTrusted }: Proposal, base: Figures, figures: Figures): void {
    const gain = figures.rate / base.rate - 1
    const isCertain = gain > CERTAINLY + 2 * Math.hypot(figures.error, base.error)
    if (isTrusted && gain < 0.03)
      for (const step of changes) {
        const bracket = this.#bracketOf(step)
        if (bracket !== undefined) bracket.wasTrusted = true
      }
    for (const step of changes)
      this.#bracketOf(step)?.accept(
        step.from,
        direction === 'down'
          ? areCoresFull(figures) || gain > WORTHY
          : gain >= 0.6 * (step.to / step.from - 1),
        isCertain ? figures.atMs + WORSE_MS : 0,
      )
    if (gain < 0.05) return
    this.#together.forget()
    // Another unit may now be the bottleneck.
    this.#tuned.forEach(({ size, buffer, rates }, i) => {
      if (changes.some(({ tuned }) => tuned === i)) return
      // Slots become faster if fewer calls of others disturb them.
      if (direction === 'down') rates.forget()
      size.forgetAbove()
      buffer?.forgetAbove()
    })
  }

  // --- guards

  #guarded(sample: TuneSample): readonly Step[] | undefined {
    const trial = this.#trial
    // Calls above a lowered bound may still fail.
    const isDraining = trial?.proposal.direction !== 'up' && this.#isSettling(sample)
    const alarm = this.#guards.look(sample, trial?.proposal, isDraining)
    if (alarm === undefined) return undefined
    const figures = alarm.figures
    // The current trial has caused it.
    if (trial !== undefined && trial.proposal.direction === 'up')
      return this.#conclude('reject', figures, false)
    if (trial !== undefined) this.#log.conclude(true, figures)
    this.#trial = undefined
    const base = this.#base ?? figures
    const { proposal } = alarm
    this.#isCalm = false
    if (alarm.isCertain) {
      this.#log.begin(proposal, figures)
      this.#log.conclude(true, figures)
      this.#apply(proposal.changes, figures)
      for (const { tuned, from } of proposal.changes)
        this.#tuned[tuned]?.size.refuse(from, figures.atMs, 0, false)
      this.#base = undefined
      return proposal.changes
    }
    this.#trial = { proposal, base: { ...figures, rate: base.rate, error: base.error } }
    this.#log.begin(proposal, figures)
    this.#apply(proposal.changes, figures)
    return proposal.changes
  }
}

/**
 * How long it takes until a higher bound shows its effect: until the first calls under it have
 * ended.
 */
function settleMs({ tuned, option, from, to }: Step, base: Figures): number {
  return option === 'buffer' || to < from ? 0 : SETTLE_CALLS * (base.units[tuned]?.meanMs ?? 0)
}

/** How long it takes until most calls that are now in flight have ended. */
function settledMs(steps: readonly Step[], { units }: Figures): number {
  const ms = steps.map(({ tuned }) => units[tuned]?.meanMs ?? 0)
  return Math.min(LONGEST_SETTLE_MS, Math.max(LEAST_SETTLE_MS, ...ms))
}
