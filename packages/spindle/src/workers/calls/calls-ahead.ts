/**
 * Work to hold ready in a worker, in milliseconds: enough to bridge the time until the next tasks
 * arrive.
 */
const AHEAD_MS = 2
/**
 * Tasks at least this long, in milliseconds, wait in the pool, where any free worker can take them.
 */
const LONG_MS = 5
/** A long task is only held ahead if the silence is at least this share of its duration. */
const WORTH = 0.25
/** Maximum size of the items and results of the calls held to bridge a silence, in bytes. */
const MOST_BYTES = 2 ** 25

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
