import { AsyncLocalStorage } from 'node:async_hooks'
import { type AsyncScope, currentScope } from './async-scope.ts'

// Which stage's call began what runs now: also in a timer, a `setImmediate`, a microtask or a promise that the call left behind. The answer is
// in the async context, so each stage's calls run in a context of their own. That is off until the loop guard needs it: it
// costs 20 to 40 ns a call, and on Node 20 and 22 about 120 ns for each promise of the process.

const marks: AsyncLocalStorage<number> = new AsyncLocalStorage()
let users = 0

/** The mark of the stage whose call began what runs now; `undefined` if it was none, or the call began while nobody kept scopes. */
export function scopedMark(): number | undefined {
  return users > 0 ? marks.getStore() : undefined
}

/** Somebody keeps scopes, until {@link endScopes}. */
export function beginScopes(): void {
  users++
}

/** The last of those who keep scopes switches them off for the process. */
export function endScopes(): void {
  if (--users === 0) marks.disable()
}

/** A context for the calls of the stage (or consumer) with that mark; in all else it is the caller's. */
export function makeCallScope(mark: number): AsyncScope {
  return marks.run(mark, currentScope)
}
