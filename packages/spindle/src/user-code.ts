// The user's code runs wherever a value of the user's is touched: a getter, a Proxy, `then`,
// `next`, the message of an error. What the package does with such values goes through these
// functions, which never throw. docs/semantics.md lists the places.

const nativeThen = Promise.prototype.then

/** Whether a value is a promise of Node's own, which can be listened to directly. */
export function isPromise(value: unknown): value is Promise<unknown> {
  try {
    return value instanceof Promise && value.then === nativeThen
  } catch {
    return false
  }
}

/** Whether a value is to be awaited. One whose `then` cannot be read is data. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  try {
    return typeof (value as { readonly then?: unknown }).then === 'function'
  } catch {
    return false
  }
}

/**
 * A promise of what a thenable comes to. It settles later and once, whatever the thenable's `then`
 * does, and in the caller's async context.
 */
export function adopt<V>(thenable: PromiseLike<V>): Promise<V> {
  // One of a subclass makes another of its class when it is listened to, which may throw.
  const isPlain = isPromise(thenable) && peek(thenable, 'constructor') === Promise
  return isPlain ? (thenable as Promise<V>) : new Promise((resolve) => resolve(thenable))
}

/**
 * Calls what only listens: neither what it throws nor what a promise of it is rejected with goes
 * further than to `failed`.
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

/** What an iterator's `return` is called for; its errors have nobody to be told to. */
export function closeQuietly(iterator: { return?(value?: unknown): unknown }): void {
  callListener(() => iterator.return?.())
}

/** A property of something that may be anything; `undefined` if it cannot be read. */
export function peek(value: unknown, name: string): unknown {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined
  try {
    return (value as Readonly<Record<string, unknown>>)[name]
  } catch {
    return undefined
  }
}
