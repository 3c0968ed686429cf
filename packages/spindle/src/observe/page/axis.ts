/** The smallest of 1, 2, 5, 10, 20, … that is not below `value`: the end of an axis. */
export function niceCeiling(value: number): number {
  if (!(value > 0)) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  const step = [1, 2, 5, 10].find((factor) => factor * power >= value * (1 - 1e-9)) as number
  return step * power
}

/** Round ticks for a time axis, in milliseconds: 2 to 6 of them, the first 0. */
export function timeTicks(endMs: number): number[] {
  const step = TIME_STEPS_MS.find((candidate) => endMs / candidate <= 5) ?? niceCeiling(endMs / 5)
  const ticks: number[] = []
  for (let at = 0; at <= endMs; at += step) ticks.push(at)
  return ticks
}

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const TIME_STEPS_MS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map((seconds) => seconds * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 6, 12, 24].map((hours) => hours * HOUR),
]

/** Time since the start: `'0'`, `'200 ms'`, `'15 s'`, `'2:30'`, `'1:05:00'`. */
export function moment(ms: number): string {
  if (ms === 0) return '0'
  if (ms < SECOND) return `${Math.round(ms)} ms`
  if (ms < MINUTE) return `${Number((ms / SECOND).toFixed(1))} s`
  const two = (value: number): string => String(value).padStart(2, '0')
  const seconds = Math.round(ms / SECOND)
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}
