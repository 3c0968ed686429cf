import { types } from 'node:util'
import { readSafely } from './readable.ts'

/**
 * A promise of what a thenable gives, or `undefined` if a value is none. Its `then` is read once;
 * one that cannot be read is data.
 */
export function promiseOf(value: unknown): Promise<unknown> | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const then = readSafely(value, 'then')
  if (typeof then !== 'function') return undefined
  if (types.isPromise(value) && then === Promise.prototype.then) return value
  // Within a promise's own function what it throws is a rejection, and only its first answer
  // counts.
  return new Promise((resolve, reject) => {
    then.call(value, resolve, reject)
  })
}
