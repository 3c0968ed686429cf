import type { AsyncScope } from './async-scope.ts'
import { enter, leave, newMark } from './current-call.ts'

/** Calls user code under marks, so that other threads can see whose call runs. */
export abstract class MarkedCalls {
  /** Identifies the calls of the stage in the current call; see `current-call.ts`. */
  readonly mark: number = newMark()
  /** Identifies the calls of the stage's hooks. */
  readonly hookMark: number = newMark()
  /** Number of items begun. It is a field and not a counter because every call increments it. */
  tasks = 0
  /** The contexts for calls and for hooks while scopes are kept; see `call-scopes.ts`. */
  callScope: AsyncScope | undefined = undefined
  hookScope: AsyncScope | undefined = undefined

  /** Sets the contexts for further calls and hooks. `undefined`: none. */
  keepScope(calls: AsyncScope | undefined, hooks: AsyncScope | undefined): void {
    this.callScope = calls
    this.hookScope = hooks
  }

  /** Calls user code under the stage's mark. The hot path repeats these two lines instead. */
  marked<R>(call: () => R): R {
    return this.#under(this.mark, this.callScope, call)
  }

  /** Calls a hook under the stage's hook mark. */
  hooked<R>(call: () => R): R {
    return this.#under(this.hookMark, this.hookScope, call)
  }

  #under<R>(mark: number, scope: AsyncScope | undefined, call: () => R): R {
    const word = enter(mark, this.tasks)
    try {
      return scope === undefined ? call() : scope.runInAsyncScope(call)
    } finally {
      leave(word)
    }
  }
}
