import { types } from 'node:util'

// What users throw and return is theirs, and so is the code behind its properties: getters and
// traps of proxies may throw, and give something else each time. These read without throwing.

/** A property, or `undefined` if it cannot be read. */
export function readSafely(value: unknown, key: PropertyKey): unknown {
  try {
    return (value as Record<PropertyKey, unknown>)[key]
  } catch {
    return undefined
  }
}

/** A property as text, or a text that says that it is none. */
export function readText(value: object, key: PropertyKey, otherwise: string): string {
  try {
    return String((value as Record<PropertyKey, unknown>)[key])
  } catch {
    return otherwise
  }
}

/** The names of an object's own enumerable properties, or none. */
export function keysOf(value: object): string[] {
  try {
    return Object.keys(value)
  } catch {
    return []
  }
}

/** Whether something is an error: of this realm, of another, or without a prototype. */
export function isError(value: unknown): value is Error {
  try {
    return value instanceof Error || types.isNativeError(value)
  } catch {
    return types.isNativeError(value)
  }
}
