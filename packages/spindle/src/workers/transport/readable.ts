import { types } from 'node:util'

// Values that users throw or return may run code when they are read: getters and proxy traps may
// throw, or return something else each time. These functions read without throwing.

/** A property, or `undefined` if it cannot be read. */
export function readSafely(value: unknown, key: PropertyKey): unknown {
  try {
    return (value as Record<PropertyKey, unknown>)[key]
  } catch {
    return undefined
  }
}

/** A property as text, or `otherwise` if it is not a text. */
export function readText(value: object, key: PropertyKey, otherwise: string): string {
  try {
    return String((value as Record<PropertyKey, unknown>)[key])
  } catch {
    return otherwise
  }
}

/** The names of an object's own enumerable properties, or an empty list. */
export function keysOf(value: object): string[] {
  try {
    return Object.keys(value)
  } catch {
    return []
  }
}

/** Whether a value is an error: of this realm, of another, or without a prototype. */
export function isError(value: unknown): value is Error {
  try {
    return value instanceof Error || types.isNativeError(value)
  } catch {
    return types.isNativeError(value)
  }
}

/**
 * A promise for a thenable, or `undefined` for other values. `then` is read once; if reading it
 * throws, the value counts as data.
 */
export function promiseOf(value: unknown): Promise<unknown> | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const then = readSafely(value, 'then')
  if (typeof then !== 'function') return undefined
  if (types.isPromise(value) && then === Promise.prototype.then) return value
  // Inside a promise's executor a throw becomes a rejection, and only the first answer counts.
  return new Promise((resolve, reject) => {
    then.call(value, resolve, reject)
  })
}
