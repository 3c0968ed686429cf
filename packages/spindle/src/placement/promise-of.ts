import { types } from 'node:util'

/**
 * A promise of what a thenable gives, or `undefined` if a value is none. Its `then` is read once. @throws what reading it throws.
 */
export function promiseOf(value: unknown): Promise<unknown> | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { then } = value as { readonly then?: unknown }
  if (typeof then !== 'function') return undefined
  if (types.isPromise(value) && then === Promise.prototype.then) return value
  // Within a promise's own function what it throws is a rejection, and only its first answer counts.
  return new Promise((resolve, reject) => {
    then.call(value, resolve, reject)
  })
}
