import type { AsyncScope } from './async-scope.ts'
import { enter, leave, newMark } from './marker.ts'

/**
 * What calls the user's code under marks, so that whoever looks from outside sees whose call runs.
 */
export abstract class MarkedCalls {
  /** What it is known by in the marker; see `marker.ts`. */
  readonly mark: number = newMark()
  /** And what its hooks are. */
  readonly hookMark: number = newMark()
  /** Items begun. A field of the stage rather than a counter, for it is counted with every call. */
  tasks = 0
  /**
   * The contexts of the calls, and of those of hooks, while somebody keeps scopes; see
   * `call-scopes.ts`.
   */
  callScope: AsyncScope | undefined = undefined
  hookScope: AsyncScope | undefined = undefined

  /** Has calls, and those of hooks, made in contexts of their own from now on, or no more. */
  keepScope(calls: AsyncScope | undefined, hooks: AsyncScope | undefined): void {
    this.callScope = calls
    this.hookScope = hooks
  }

  /**
   * Calls the user's code under the stage's mark, where it is not worth while to write the two
   * lines out.
   */
  marked<R>(call: () => R): R {
    return this.#under(this.mark, this.callScope, call)
  }

  /** Likewise, for its hooks. */
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
