import { is, type Rule } from 'spindle/options'
import { checkRule } from '../base/check.ts'

/** An exact fraction, of integers; `den` is positive. */
export interface Rational {
  readonly num: number
  readonly den: number
}

/**
 * A time in seconds. A fraction is exact. A number means its decimal form (`0.04` is 4/100), or the
 * tick of a stream within a billionth of a second of it.
 */
export type TimeValue = number | Rational

/**
 * Times from `start` to before `end`, in seconds; an end of `Infinity` means the end of the stream.
 */
export type TimeWindow = readonly [start: TimeValue, end: TimeValue]

/** A window in ticks of a time base: its first tick, and the first tick after it. */
export interface TickWindow {
  readonly start: bigint
  /** `undefined` for no end. */
  readonly end: bigint | undefined
}

/**
 * Distance within which a number counts as a tick, in seconds. Rounding errors are far smaller,
 * ticks far larger.
 */
const NEARNESS: Fraction = { num: 1n, den: 1_000_000_000n }

interface Fraction {
  readonly num: bigint
  readonly den: bigint
}

/** The rule of `window`. */
export const windowRule: Rule<TimeWindow, 'maybe'> = is(
  '[start, end] in seconds, numbers or { num, den }, start not after end and not infinite',
  isWindow,
)

function isWindow(window: unknown): boolean {
  if (!Array.isArray(window) || window.length !== 2 || !window.every(isTime)) return false
  const [start, end] = window as [TimeValue, TimeValue]
  if (!Number.isFinite(secondsOf(start))) return false
  if (end === Infinity) return true
  if (!Number.isFinite(secondsOf(end))) return false
  const [from, to] = [fractionOf(start), fractionOf(end)]
  return from.num * to.den <= to.num * from.den
}

const RATE = 'a number > 0 or { num, den }'

/** The rule of `frameRate`. */
export const rateRule: Rule<TimeValue, 'maybe'> = is(RATE, isRate)
/** The same where it must be given. */
export const givenRateRule: Rule<TimeValue, 'always'> = is(RATE, isRate, { required: true })

function isRate(rate: unknown): boolean {
  return isTime(rate) && rate !== Infinity && secondsOf(rate) > 0
}

/** Converts a window to a stream's ticks: exactly the ticks whose time is in it. */
export function ticksOf([start, end]: TimeWindow, timeBase: Rational): TickWindow {
  return {
    start: firstTick(start, timeBase),
    end: end === Infinity ? undefined : firstTick(end, timeBase),
  }
}

/** Whether a tick is in a window. */
export function isWithin(tick: bigint, { start, end }: TickWindow): boolean {
  return tick >= start && (end === undefined || tick < end)
}

/** The first tick that is not before a time. */
export function firstTick(time: TimeValue, { num, den }: Rational): bigint {
  const exact = fractionOf(time)
  // Ticks of `time` are exact.num * den / (exact.den * num).
  const [above, below] = [exact.num * BigInt(den), exact.den * BigInt(num)]
  const tick = ceil(above, below)
  if (typeof time !== 'number') return tick
  // A number that is slightly above a tick means that tick.
  const excess = { num: above - (tick - 1n) * below, den: below * BigInt(den) }
  const isNear = excess.num * BigInt(num) * NEARNESS.den <= NEARNESS.num * excess.den
  return isNear ? tick - 1n : tick
}

/** Converts a tick to seconds, as the nearest number. */
export function secondsOfTick(tick: bigint, { num, den }: Rational): number {
  return (Number(tick) * num) / den
}

/** Converts ticks between time bases, to the nearest; halves round away from zero, as in FFmpeg. */
export function rescale(tick: bigint, from: Rational, to: Rational): bigint {
  const above = tick * BigInt(from.num) * BigInt(to.den)
  const below = BigInt(from.den) * BigInt(to.num)
  return above >= 0n ? (2n * above + below) / (2n * below) : -((-2n * above + below) / (2n * below))
}

/** Converts a time to seconds, as a number. */
export function secondsOf(time: TimeValue): number {
  return typeof time === 'number' ? time : time.num / time.den
}

/** @throws MediaError `ERR_BAD_OPTION` unless it is a positive number or fraction */
export function rateOf(rate: TimeValue): Rational {
  checkRule('frameRate', rate, rateRule)
  if (typeof rate !== 'number') return { num: rate.num, den: rate.den }
  if (Number.isInteger(rate)) return { num: rate, den: 1 }
  const ntsc = Math.round(rate * 1.001) * 1000
  if (Math.abs(rate - ntsc / 1001) < NTSC_NEARNESS) return { num: ntsc, den: 1001 }
  return { num: Math.round(rate * MICRO), den: MICRO }
}

/** 29.97 stands for 30000/1001, and 23.98 for 24000/1001. */
const NTSC_NEARNESS = 0.005
const MICRO = 1_000_000

function isTime(value: unknown): value is TimeValue {
  if (typeof value === 'number') return !Number.isNaN(value) && value !== -Infinity
  if (typeof value !== 'object' || value === null) return false
  const { num, den } = value as Partial<Rational>
  return Number.isSafeInteger(num) && Number.isSafeInteger(den) && den! > 0
}

/** Converts a number to the decimal fraction of its printed form. */
function fractionOf(time: TimeValue): Fraction {
  if (typeof time !== 'number') return { num: BigInt(time.num), den: BigInt(time.den) }
  const [mantissa = '0', exponent = '0'] = String(time).split('e')
  const [whole = '0', decimals = ''] = mantissa.split('.')
  const power = Number(exponent) - decimals.length
  const digits = BigInt(whole + decimals)
  return power >= 0
    ? { num: digits * 10n ** BigInt(power), den: 1n }
    : { num: digits, den: 10n ** BigInt(-power) }
}

function ceil(above: bigint, below: bigint): bigint {
  const whole = above / below
  return above % below > 0n ? whole + 1n : whole
}
