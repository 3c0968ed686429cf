import { performance } from 'node:perf_hooks'
import timers from 'node:timers'

// Captured when the module is loaded, so that a test that mocks the globals changes nothing here.

export const setTimeout: typeof globalThis.setTimeout = timers.setTimeout
export const clearTimeout: typeof globalThis.clearTimeout = timers.clearTimeout
export const setInterval: typeof globalThis.setInterval = timers.setInterval
export const clearInterval: typeof globalThis.clearInterval = timers.clearInterval

/** A monotonic clock in milliseconds. It keeps counting while the process is stopped. */
export const clockMs: () => number = performance.now.bind(performance)
/** Milliseconds since 1970. For people only: clocks of machines differ. */
export const dateMs: () => number = Date.now.bind(Date)

/**
 * Resolves after a delay, or at once when `signal` is aborted. It never rejects.
 */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve()
    const end = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal?.addEventListener('abort', end, { once: true })
  })
}
