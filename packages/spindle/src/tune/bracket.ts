import type { Range } from './tune-types.ts'

/**
 * For how long a number that was refused is not tried again: at first, and at most; at least some
 * times what it took to try it. Doubled each time.
 */
const FIRST_TABOO_MS = 4000
const LONGEST_TABOO_MS = 256_000
const TRIALS_PER_TABOO = 4

/**
 * Steps: the first one in a direction is small, for nobody knows what it does; those after one that
 * was worth it are large.
 */
const UP = [1.25, 2, 4] as const
const DOWN = [0.75, 0.5] as const
/** From here on a small step shows too little. */
const MANY = 32
/** Numbers closer than this are not told apart. */
const NEAR = 1.15

/** Something that was tried in vain is left alone for a while, each time for longer. */
export class Taboo {
  #untilMs = Number.NEGATIVE_INFINITY
  #refusals = 0

  isOver(atMs: number): boolean {
    return atMs >= this.#untilMs
  }

  /** It was tried in vain, which took `tookMs`. */
  refuse(atMs: number, tookMs: number): void {
    const ms = Math.max(FIRST_TABOO_MS, TRIALS_PER_TABOO * tookMs) * 2 ** this.#refusals++
    this.#untilMs = atMs + Math.min(LONGEST_TABOO_MS, ms)
  }

  /** It may be tried again. */
  forget(): void {
    this.#untilMs = Number.NEGATIVE_INFINITY
    this.#refusals = 0
  }
}

interface Refused {
  readonly value: number
  readonly untilMs: number
}

/**
 * One number that is searched for: what it is, and between which refused ones the best must lie.
 */
export class Bracket {
  value: number
  readonly min: number
  readonly max: number
  /** How many of the last steps in that direction were worth it. */
  boldUp = 0
  boldDown = 0
  #below: Refused | undefined
  #above: Refused | undefined
  #refusals = 0
  /** The direction in which a number was refused last. */
  #refused: 'up' | 'down' | undefined

  constructor({ min, max, value }: Range) {
    this.min = min
    this.max = max
    this.value = value
  }

  /**
   * The next larger number to try; `undefined` if there is none. `cap`: what a model says is
   * enough.
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

  /** The next smaller number to try; `undefined` if there is none. */
  below(atMs: number): number | undefined {
    const refused = this.#alive(this.#below, atMs)
    const factor =
      this.value >= MANY ? DOWN[1] : (DOWN[Math.min(this.boldDown, DOWN.length - 1)] as number)
    let target = Math.max(this.min, Math.min(this.value - 1, Math.floor(this.value * factor)))
    if (refused !== undefined) {
      if (refused * NEAR >= this.value || refused >= this.value - 1) return undefined
      target = Math.max(target, Math.ceil((this.value + refused) / 2))
    }
    return target < this.value ? target : undefined
  }

  /** How often something was refused since all was forgotten. */
  get refusals(): number {
    return this.#refusals
  }

  /** Whether larger numbers are tried before smaller ones. */
  get prefersUp(): boolean {
    return this.boldDown === 0 && (this.boldUp > 0 || this.#refused !== 'up')
  }

  /**
   * A number was tried and refused. `isHarmless`: it was no worse than the one there is: what a
   * small step does not show, a large one may.
   */
  refuse(value: number, atMs: number, tookMs: number, isHarmless: boolean): void {
    const isUp = value > this.value
    this.#refused = isUp ? 'up' : 'down'
    if (isUp && isHarmless && this.boldUp === 0 && this.#above === undefined) {
      this.boldUp = 1
      return
    }
    const tabooMs = Math.max(FIRST_TABOO_MS, TRIALS_PER_TABOO * tookMs) * 2 ** this.#refusals++
    const untilMs = atMs + Math.min(LONGEST_TABOO_MS, tabooMs)
    if (isUp) {
      // If a large step brings nothing, a smaller one brings no more.
      this.#above = { value: isHarmless ? this.value + 1 : value, untilMs }
      this.boldUp = 0
    } else {
      this.#below = { value, untilMs }
      this.boldDown = 0
    }
  }

  /**
   * A step was worth it, as much as more slots can be: the next one in that direction may be
   * larger. Otherwise it may not.
   */
  accept(from: number, isWorthy: boolean): void {
    const isUp = this.value > from
    if (isUp) this.#above = undefined
    this.boldUp = isUp && isWorthy ? this.boldUp + 1 : 0
    this.boldDown = !isUp && isWorthy ? this.boldDown + 1 : 0
  }

  /** What was refused last may be tried again at once. */
  pardon(): void {
    if (this.#refused === 'up') this.#above = undefined
    else this.#below = undefined
    this.#refused = undefined
    this.#refusals = Math.max(0, this.#refusals - 1)
  }

  /** What was refused may be worth it now. */
  forgetAbove(): void {
    this.#above = undefined
  }

  forget(): void {
    this.#below = undefined
    this.#above = undefined
    this.#refusals = 0
    this.#refused = undefined
    this.boldUp = 0
    this.boldDown = 0
  }

  #alive(refused: Refused | undefined, atMs: number): number | undefined {
    return refused !== undefined && refused.untilMs > atMs ? refused.value : undefined
  }
}
