import { AsyncLocalStorage } from 'node:async_hooks'
import { type AsyncScope, currentScope } from './async-scope.ts'

// Which stage's call began what runs now: also in a timer, a `setImmediate`, a microtask or a
// promise that the call left behind. The answer is in the async context, so each stage's calls run
// in a context of their own. That is off until the loop guard needs it: it costs 20 to 40 ns a
// call, and on Node 20 and 22 about 120 ns for each promise of the process.

const marks: AsyncLocalStorage<number> = new AsyncLocalStorage()
/** The marks of those who keep scopes. Contexts of others, which have ended, may still be about. */
const kept: Set<number> = new Set()

/**
 * The mark of the stage whose call began what runs now; `undefined` if it was none, or the call
 * began while nobody kept scopes.
 */
export function scopedMark(): number | undefined {
  if (kept.size === 0) return undefined
  const mark = marks.getStore()
  return mark !== undefined && kept.has(mark) ? mark : undefined
}

/** Somebody keeps scopes for these marks, until {@link endScopes}. */
export function beginScopes(of: readonly number[]): void {
  for (const mark of of) kept.add(mark)
}

/** The last of those who keep scopes switches them off for the process. */
export function endScopes(of: readonly number[]): void {
  for (const mark of of) kept.delete(mark)
  if (kept.size === 0) marks.disable()
}

/**
 * A context for the calls of the stage (or consumer) with that mark; in all else it is the
 * caller's.
 */
export function makeCallScope(mark: number): AsyncScope {
  return marks.run(mark, currentScope)
}

/**
 * What the caller does from now on is of that mark: a loop that asks for items is not called by
 * anybody. What a stage has begun stays the stage's.
 */
export function markCaller(mark: number): void {
  if (scopedMark() === undefined) marks.enterWith(mark)
}
