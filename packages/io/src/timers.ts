import timers from 'node:timers'

// Captured when the module is loaded, so that a test that mocks the globals changes nothing here.

export const setTimeout: typeof globalThis.setTimeout = timers.setTimeout
export const setImmediate: typeof globalThis.setImmediate = timers.setImmediate

/** Milliseconds since 1970, like the times of files. */
export const dateMs: () => number = Date.now.bind(Date)

/** Resolves in the next turn of the event loop. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
