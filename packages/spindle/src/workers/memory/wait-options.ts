import { checkDuration } from '../../check.ts'
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

/** @throws `ERR_BAD_OPTION` */
export function checkWait({
  timeoutMs = Number.POSITIVE_INFINITY,
  signal,
}: WaitOptions): WaitLimits {
  checkDuration('timeoutMs', timeoutMs, undefined, true)
  return { timeoutMs, signal }
}
