import { durationMs, options, type Rule, type Rules, signal } from '../../options/index.ts'
import type { WaitLimits } from './event-count.ts'

/** Limits of a wait that blocks the thread. */
export interface HoldOptions {
  /** How long to wait, in milliseconds, a number > 0 or `Infinity`. Default `Infinity`. */
  readonly timeoutMs?: number
}

/** Limits of a wait. */
export interface WaitOptions extends HoldOptions {
  /** Aborts the wait, which then rejects with the signal's reason. Default: none. */
  readonly signal?: AbortSignal
}

/** The rules of {@link WaitOptions}. */
export const waitRules: {
  readonly timeoutMs: Rule<number, 'always'>
  readonly signal: Rule<AbortSignal, 'maybe'>
} = {
  timeoutMs: durationMs({ orInfinity: true, default: Number.POSITIVE_INFINITY }),
  signal: signal(),
}

const waitOptions = options('WaitOptions', waitRules satisfies Rules<WaitOptions>)

const NO_LIMITS: WaitLimits = { timeoutMs: Number.POSITIVE_INFINITY, signal: undefined }

/** @throws `ERR_BAD_OPTION` */
export function checkWait(given: WaitOptions | undefined): WaitLimits {
  return given === undefined ? NO_LIMITS : waitOptions.check(given)
}
