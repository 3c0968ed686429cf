import type { TunableNumber } from './tune-types.ts'

/**
 * How long a refused number is not tried again, in milliseconds: the initial time, the maximum, and
 * a factor for the time that the trial took. Each further refusal doubles the time.
 */
const FIRST_TABOO_MS = 4000
const LONGEST_TABOO_MS = 256_000
const TRIALS_PER_TABOO = 4
const LONGEST_TRIAL_MS = 2500

/**
 * Factors of steps. The first step in a direction is small, because its effect is unknown; steps
 * after successful ones are larger.
 */
const UP = [1.25, 2, 4] as const
const DOWN = [0.75, 0.5] as const
/** A trial that takes this long, in milliseconds, has no clear result. It is repeated so often. */
const UNCLEAR_MS = 8000
const MOST_UNCLEAR = 2
/** From this number on, a small step has too little effect to measure. */
const MANY = 32
/** Numbers within this factor are treated as equal. */
const NEAR = 1.15

/** Blocks something that was tried without success, longer after each refusal. */
export class Taboo {
  #untilMs = Number.NEGATIVE_INFINITY
  #refusals = 0

  isOver(atMs: number): boolean {
    return atMs >= this.#untilMs
  }

  /** Notes a failed trial that took `tookMs`. */
  refuse(atMs: number, tookMs: number): void {
    const ms = firstMs(tookMs) * 2 ** this.#refusals++
    this.#untilMs = atMs + Math.min(LONGEST_TABOO_MS, ms)
  }

  /** Allows another trial. */
  forget(): void {
    this.#untilMs = Number.NEGATIVE_INFINITY
    this.#refusals = 0
  }
}

function firstMs(tookMs: number): number {
  return Math.max(FIRST_TABOO_MS, TRIALS_PER_TABOO * Math.min(LONGEST_TRIAL_MS, tookMs))
}

interface Refused {
  readonly value: number
  readonly untilMs: number
}

/**
 * One number that is tuned: its value, and the refused numbers between which the best value must
 * be.
 */
export class Bracket {
  value: number
  readonly min: number
  readonly max: number
  /** Number of consecutive successful steps in that direction. */
  boldUp = 0
  boldDown = 0
  /** Whether a step without a proof was kept. */
  wasTrusted = false
  #below: Refused | undefined
  #above: Refused | undefined
  #refusals = 0
  #unclear = 0
  /** The direction of the last refused number. */
  #refused: 'up' | 'down' | undefined
  /** Whether a smaller number was ever refused. */
  #wasLess = false

  constructor({ min, max, value }: TunableNumber) {
    this.min = min
    this.max = max
    this.value = value
  }

  /**
   * The next larger number to try; `undefined` if there is none. `cap`: the number that the model
   * considers enough.
   */
  above(atMs: number, cap: number): number | undefined {
    const refused = this.#alive(this.#above, atMs)
    const factor = UP[Math.min(this.boldUp, UP.length - 1)] as number
    const wanted = Math.max(this.value + 1, Math.ceil(this.value * factor))
    let target = Math.min(this.max, wanted, Math.max(this.value + 1, Math.ceil(cap)))
    if (refused !== undefined) {
      if (refused <= this.value * NEAR || refused <= this.value + 1) return undefined
      target = Math.min(target, Math.floor((this.value + refused) / 2))
    }
    return target > this.value ? target : undefined
  }

  /**
   * The next smaller number to try; `undefined` if there is none. `least`: the smallest number that
   * may be enough.
   */
  below(atMs: number, least: number = this.min): number | undefined {
    const refused = this.#alive(this.#below, atMs)
    const factor =
      this.value >= MANY ? DOWN[1] : (DOWN[Math.min(this.boldDown, DOWN.length - 1)] as number)
    const lower = Math.min(this.value - 1, Math.floor(this.value * factor))
    let target = Math.max(this.min, least, lower)
    if (refused !== undefined) {
      if (refused * NEAR >= this.value || refused >= this.value - 1) return undefined
      target = Math.max(target, Math.ceil((this.value + refused) / 2))
    }
    return target < this.value ? target : undefined
  }

  /** Number of refusals since the last reset. */
  get refusals(): number {
    return this.#refusals
  }

  /** Whether larger numbers are tried before smaller ones. */
  get prefersUp(): boolean {
    return this.boldDown === 0 && (this.boldUp > 0 || this.#refused !== 'up')
  }

  /**
   * Notes a refused number. `isHarmless`: it was no worse than the current one. A larger step may
   * then have an effect that a small one did not show.
   */
  refuse(value: number, atMs: number, tookMs: number, isHarmless: boolean): void {
    const isUp = value > this.value
    this.#refused = isUp ? 'up' : 'down'
    if (!isUp) this.#wasLess = true
    if (isUp && isHarmless && this.boldUp === 0 && this.#above === undefined) {
      this.boldUp = 1
      return
    }
    if (!isUp && isHarmless && tookMs >= UNCLEAR_MS && this.#unclear < MOST_UNCLEAR) {
      this.#unclear++
      return
    }
    const tabooMs = firstMs(tookMs) * 2 ** this.#refusals++
    const untilMs = atMs + Math.min(LONGEST_TABOO_MS, tabooMs)
    if (isUp) {
      // If a large step has no effect, a smaller one has none either.
      this.#above = { value: isHarmless ? this.value + 1 : value, untilMs }
      this.boldUp = 0
    } else {
      this.#below = { value, untilMs }
      this.boldDown = 0
    }
  }

  /**
   * Notes an accepted step. `isWorthy`: the gain was about as high as more slots can give. The next
   * step in that direction is then larger; otherwise it is small again. `worseUntilMs`: how long
   * the number before counts as refused, because it was certainly worse.
   */
  accept(from: number, isWorthy: boolean, worseUntilMs: number): void {
    const isUp = this.value > from
    if (isUp) this.#above = undefined
    else if (worseUntilMs > 0) this.#above = { value: from, untilMs: worseUntilMs }
    this.boldUp = isUp && isWorthy ? this.boldUp + 1 : 0
    this.boldDown = !isUp && isWorthy ? this.boldDown + 1 : 0
  }

  /**
   * Allows the last refused number to be tried again at once; but first the other direction, if it
   * was never tried.
   */
  pardon(): void {
    if (this.#refused === 'up') this.#above = undefined
    else this.#below = undefined
    if (this.#wasLess) this.#refused = undefined
    this.#refusals = Math.max(0, this.#refusals - 1)
  }

  /** Larger numbers that were refused may now be better. */
  forgetAbove(): void {
    this.#above = undefined
  }

  forget(): void {
    this.#below = undefined
    this.#above = undefined
    this.#refusals = 0
    this.#unclear = 0
    this.#wasLess = false
    this.#refused = undefined
    this.boldUp = 0
    this.boldDown = 0
    this.wasTrusted = false
  }

  #alive(refused: Refused | undefined, atMs: number): number | undefined {
    return refused !== undefined && refused.untilMs > atMs ? refused.value : undefined
  }
}
