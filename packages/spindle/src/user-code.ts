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
export function peek(value: unknown, name: string): unknown {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined
  try {
    return (value as Readonly<Record<string, unknown>>)[name]
  } catch {
    return undefined
  }
}
