// Reading the stack changes properties of `Error` for a moment. Some programs freeze `Error`
// (`node --frozen-intrinsics`, SES, hardened hosts). Places are then missing, but nothing fails.

/** Calls `read` with `Error.stackTraceLimit` set to `limit`, if it can be set. */
export function withFrames<R>(limit: number, read: () => R): R {
  const before = Error.stackTraceLimit
  const isSet = Reflect.set(Error, 'stackTraceLimit', limit)
  try {
    return read()
  } finally {
    if (isSet) Reflect.set(Error, 'stackTraceLimit', before)
  }
}

/**
 * The stack frames above the function `above`, innermost first. Empty if `Error` is frozen.
 * `Error.prepareStackTrace` is defined, not assigned, for two reasons: a program's own setter is
 * not called, and in Bun an assignment cannot be undone (all later stacks of the process would be
 * arrays). Bun ignores the definition, so that the result is empty there.
 */
export function readFrames<F>(
  limit: number,
  above: (...args: never[]) => unknown,
  toFrame: (site: NodeJS.CallSite) => F,
): readonly F[] {
  const before = Reflect.getOwnPropertyDescriptor(Error, 'prepareStackTrace')
  // Do not change a property that cannot be restored.
  if (before?.configurable === false) return []
  const prepare = (_: Error, sites: NodeJS.CallSite[]): F[] => sites.map(toFrame)
  const own = { value: prepare, writable: true, enumerable: true, configurable: true }
  if (!Reflect.defineProperty(Error, 'prepareStackTrace', own)) return []
  try {
    const holder: { stack?: unknown } = {}
    withFrames(limit, () => Error.captureStackTrace(holder, above))
    return Array.isArray(holder.stack) ? holder.stack : []
  } finally {
    if (before === undefined) Reflect.deleteProperty(Error, 'prepareStackTrace')
    else Reflect.defineProperty(Error, 'prepareStackTrace', before)
  }
}

/**
 * The stack of a new error as text. Empty if the program's own `Error.prepareStackTrace` throws or
 * returns something else.
 */
export function stackText(limit: number): string {
  try {
    const stack: unknown = withFrames(limit, () => new Error().stack)
    return typeof stack === 'string' ? stack : ''
  } catch {
    return ''
  }
}
