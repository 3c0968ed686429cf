import { types } from 'node:util'

// User code may run wherever a user's value is touched: a getter, a Proxy, `then`, `next`, the
// message of an error. The package handles such values with these functions, which never throw.
// docs/semantics.md lists the places.

const nativeThen = Promise.prototype.then

/**
 * Whether a value is a native promise whose `then` is Node's own. It can be listened to directly.
 */
export function isPromise(value: unknown): value is Promise<unknown> {
  try {
    return value instanceof Promise && value.then === nativeThen
  } catch {
    return false
  }
}

/** Whether a value must be awaited. A value whose `then` cannot be read counts as data. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  try {
    return typeof (value as { readonly then?: unknown }).then === 'function'
  } catch {
    return false
  }
}

/**
 * Converts a thenable to a promise. The promise settles later and once, whatever the thenable's
 * `then` does, and in the caller's async context.
 */
export function adopt<V>(thenable: PromiseLike<V>): Promise<V> {
  // `then` of a promise of a subclass creates another instance of that class, which may throw.
  const isPlain = isPromise(thenable) && peek(thenable, 'constructor') === Promise
  return isPlain ? (thenable as Promise<V>) : new Promise((resolve) => resolve(thenable))
}

/**
 * Calls a listener. If it throws, or its promise rejects, the error goes to `failed` and no
 * further.
 */
export function callListener(
  call: () => unknown,
  failed: (error: unknown) => void = () => {},
): void {
  let result: unknown
  try {
    result = call()
  } catch (error) {
    failed(error)
    return
  }
  if (isThenable(result)) adopt(result).catch(failed)
}

/** Calls an iterator's `return` and ignores its errors, because no caller could handle them. */
export function closeQuietly(iterator: { return?(value?: unknown): unknown }): void {
  callListener(() => iterator.return?.())
}

/** A property of any value, or `undefined` if it cannot be read. */
export function peek(value: unknown, name: PropertyKey): unknown {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined
  try {
    return (value as Readonly<Record<PropertyKey, unknown>>)[name]
  } catch {
    return undefined
  }
}

/** The methods of generators and async generators that are used. */
export interface GeneratorLike {
  next(): IteratorResult<unknown> | PromiseLike<IteratorResult<unknown>>
  return?(value?: unknown): unknown
}

/** Whether a value is a generator or async generator object. Other iterables are data. */
export function isGenerator(value: unknown): value is GeneratorLike {
  return typeof value === 'object' && value !== null && hasSteps(value)
}

function hasSteps(value: object): boolean {
  const candidate = value as { next?: unknown; return?: unknown; throw?: unknown }
  try {
    return (
      typeof candidate.next === 'function' &&
      typeof candidate.return === 'function' &&
      typeof candidate.throw === 'function' &&
      (Symbol.asyncIterator in value || Symbol.iterator in value)
    )
  } catch {
    // An object whose properties cannot be read is data.
    return false
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
  const then = peek(value, 'then')
  if (typeof then !== 'function') return undefined
  if (types.isPromise(value) && then === Promise.prototype.then) return value
  // Inside a promise's executor a throw becomes a rejection, and only the first answer counts.
  return new Promise((resolve, reject) => {
    then.call(value, resolve, reject)
  })
}
