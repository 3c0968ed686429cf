import { types } from 'node:util'
import { readSafely } from './readable.ts'

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
