/**
 * Work to hold ready in a worker, in milliseconds: enough to bridge the time until the next tasks
 * arrive.
 */
const AHEAD_MS = 2
/**
 * Tasks at least this long, in milliseconds, wait in the pool, where any free worker can take them.
 */
const LONG_MS = 5
/** Longest silence to bridge, in milliseconds. A longer one is an exception or a fault. */
const LONGEST_MS = 50
/** Share of a new silence by which the known one grows, and the time in which it halves. */
const GROWTH = 0.5
const HALF_LIFE_MS = 500
/** A long task is only held ahead if the silence is at least this share of its duration. */
const WORTH = 0.25
/** Maximum size of the items and results of the calls held to bridge a silence, in bytes. */
const MOST_BYTES = 2 ** 24

/**
 * How long this thread's event loop recently left the results of workers unread. A consumer that
 * computes on the loop blocks it again and again, and workers must have enough calls for that time.
 */
export class LoopSilence {
  #ms = 0
  #notedAt = 0

  /** Notes that a message of a worker was read `lateMs` after it was sent. */
  note(lateMs: number, nowMs: number): void {
    const known = this.#at(nowMs)
    const late = Math.min(LONGEST_MS, lateMs)
    // Most messages that were sent during one silence waited for a part of it only.
    this.#ms = late > known ? known + GROWTH * (late - known) : known
    this.#notedAt = nowMs
  }

  /** The silence to expect, in milliseconds; 0 if the loop answers fast. */
  ms(clock: () => number): number {
    // Asked before each call, so the clock is not read for nothing.
    if (this.#ms < LONG_MS) return 0
    const known = this.#at(clock())
    return known < LONG_MS ? 0 : known
  }

  #at(nowMs: number): number {
    return this.#ms * 2 ** ((this.#notedAt - nowMs) / HALF_LIFE_MS)
  }
}

/**
 * How many calls of an op to hold in a worker in addition to the one that it runs.
 *
 * @param ms how long a call blocks the worker; `undefined` if that is not known yet
 * @param bytes size of a call's item and result
 * @param silenceMs how long the loop may be silent
 */
export function callsAhead(ms: number | undefined, bytes: number, silenceMs: number): number {
  if (ms === undefined) return 0
  const usual = ms >= LONG_MS ? 0 : Math.ceil(AHEAD_MS / ms)
  if (silenceMs < ms * WORTH) return usual
  const bridging = Math.ceil(silenceMs / ms)
  return Math.max(usual, Math.min(bridging, Math.floor(MOST_BYTES / Math.max(1, bytes))))
}
