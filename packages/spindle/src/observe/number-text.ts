/**
 * Numbers with their units as text. The terminal and the page use the same functions, so they
 * agree.
 */

/** `'97 %'` */
export function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}

/** `'52.1'`, `'523'`, `'12.3k'`, `'1.20M'`: no unit. */
export function amount(value: number): string {
  if (value >= 999_500) return `${significant(value / 1e6)}M`
  if (value >= 9999.5) return `${significant(value / 1e3)}k`
  if (value >= 99.95 || Number.isInteger(value)) return String(Math.round(value))
  return value >= 0.95 ? value.toFixed(1) : value.toFixed(value >= 0.095 ? 2 : 3)
}

/** Items per second over a time in milliseconds; `'-'` if no time has passed. */
export function perSecond(items: number, elapsedMs: number): string {
  return elapsedMs > 0 ? amount((items * 1000) / elapsedMs) : '-'
}

/** `'85.0 µs'`, `'12.3 ms'`, `'1.52 s'`, `'2 min 5 s'`, `'1 h 2 min'`; `'-'` for 0. */
export function duration(ms: number): string {
  if (ms <= 0) return '-'
  if (ms < 0.9995) return `${significant(ms * 1000)} µs`
  if (ms < 999.5) return `${significant(ms)} ms`
  const seconds = ms / 1000
  if (seconds < 59.95) return `${significant(seconds)} s`
  const minutes = Math.round(seconds) / 60
  return minutes < 60
    ? `${Math.floor(minutes)} min ${Math.round(seconds) % 60} s`
    : `${Math.floor(minutes / 60)} h ${Math.floor(minutes) % 60} min`
}

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB']

/** `'412 MB'`: decimal units. */
export function bytes(count: number): string {
  let [value, unit] = [count, 0]
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit === 0 ? Math.round(value) : significant(value)} ${BYTE_UNITS[unit]}`
}

/** Three significant digits. */
function significant(value: number): string {
  if (value >= 99.95) return String(Math.round(value))
  return value.toFixed(value >= 9.995 ? 1 : 2)
}
