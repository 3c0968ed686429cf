import timers from 'node:timers'

// Captured when the module is loaded, so that a test that mocks the globals changes nothing here.

export type Timer = NodeJS.Timeout

export const setTimeout: typeof globalThis.setTimeout = timers.setTimeout
export const clearTimeout: typeof globalThis.clearTimeout = timers.clearTimeout

/** Not the global function, which tests mock. */
export const queueMicrotask: typeof globalThis.queueMicrotask = globalThis.queueMicrotask

/** Milliseconds of a clock that only goes forward, of this thread. */
export const clockMs: () => number = performance.now.bind(performance)

/** Milliseconds since 1970 with fractions: the same clock in all threads and processes. */
export function epochMs(): number {
  return performance.timeOrigin + clockMs()
}
