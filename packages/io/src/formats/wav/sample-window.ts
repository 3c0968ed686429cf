import { is, type Rule } from 'spindle/options'
import { MediaError, printValue } from '../../base/errors.ts'

/** A time range, `[startSec, endSec)`, in seconds. */
export type TimeWindow = readonly [startSec: number, endSec: number]

/** The rule of `window`. */
export const windowRule: Rule<TimeWindow, 'maybe'> = is(
  '[startSec, endSec], numbers with 0 <= startSec <= endSec',
  isWindow,
)

function isWindow(window: unknown): boolean {
  const [start, end] = Array.isArray(window) && window.length === 2 ? window : []
  return Number.isFinite(start) && start >= 0 && typeof end === 'number' && end >= start
}

/**
 * The samples in a window: those whose time, `index / sampleRate`, is in it. Windows that touch
 * share no sample and miss none, whatever their ends. The window is cut off at the last sample.
 *
 * @returns `[first, end)`, as indices
 * @throws MediaError `ERR_BAD_OPTION` for a window that begins after the last sample, unless it
 *   begins at 0
 */
export function samplesWithin(
  window: TimeWindow | undefined,
  sampleRate: number,
  count: number,
): readonly [first: number, end: number] {
  if (window === undefined) return [0, count]
  const [startSec, endSec] = window
  const first = firstSample(startSec, sampleRate, count)
  if (first >= count && startSec > 0) {
    throw new MediaError(
      'ERR_BAD_OPTION',
      `\`window\` must begin before ${count / sampleRate} s, where the audio ends, got ${printValue(window)}`,
    )
  }
  return [first, firstSample(endSec, sampleRate, count)]
}

/**
 * The first sample at or after a time, or `count`. The product may be off by rounding; the
 * comparison decides.
 */
export function firstSample(timeSec: number, sampleRate: number, count: number): number {
  if (timeSec * sampleRate >= count + 1) return count
  let index = Math.ceil(timeSec * sampleRate)
  while (index > 0 && (index - 1) / sampleRate >= timeSec) index--
  while (index / sampleRate < timeSec) index++
  return Math.min(index, count)
}
