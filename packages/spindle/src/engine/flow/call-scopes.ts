import { AsyncLocalStorage } from 'node:async_hooks'
import { type AsyncScope, currentScope } from './async-scope.ts'

// Tells which stage's call started the code that runs now, even in a timer, a `setImmediate`, a
// microtask or a promise that the call left behind. The answer is in the async context, so each
// stage's calls run in their own context. This is off until the loop guard needs it: it costs 20 to
// 40 ns a call, and on Node 20 and 22 about 120 ns for each promise of the process.

const marks: AsyncLocalStorage<number> = new AsyncLocalStorage()
/**
 * The marks that are in use. Contexts with other marks may still exist after their scopes have
 * ended.
 */
const kept: Set<number> = new Set()

/**
 * The mark of the stage whose call started the current code. `undefined` if no stage's call did, or
 * if scopes were off when the call began.
 */
export function scopedMark(): number | undefined {
  if (kept.size === 0) return undefined
  const mark = marks.getStore()
  return mark !== undefined && kept.has(mark) ? mark : undefined
}

/** Turns scopes on for these marks, until {@link endScopes}. */
export function beginScopes(of: readonly number[]): void {
  for (const mark of of) kept.add(mark)
}

/** Turns scopes off for these marks. When none are left, scopes are off for the whole process. */
export function endScopes(of: readonly number[]): void {
  for (const mark of of) kept.delete(mark)
  if (kept.size === 0) marks.disable()
}

/**
 * Makes a context for the calls of the stage (or consumer) with that mark. Otherwise it equals the
 * context of the caller.
 */
export function makeCallScope(mark: number): AsyncScope {
  return marks.run(mark, currentScope)
}

/**
 * Marks all further code of the caller. This is for a loop that requests items, which runs inside
 * no call of the engine. Code that a stage's call started keeps the stage's mark.
 */
export function markCaller(mark: number): void {
  if (scopedMark() === undefined) marks.enterWith(mark)
}
