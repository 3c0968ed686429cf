import type { AsyncScope } from '../flow/async-scope.ts'
import { enter, leave, newMark } from '../flow/current-call.ts'

/**
 * Calls the functions of a pipeline's options that only listen (`onItemError`, `onStats`,
 * `deadLetter`, `logger`), under their own mark.
 */
export class HookCalls {
  /** Identifies these calls in the current call. */
  readonly mark: number = newMark()
  /** See `Stage.callScope`. */
  callScope: AsyncScope | undefined = undefined
  /** The functions, for code that searches for them on a stack. */
  readonly functions: readonly unknown[]
  #calls = 0

  constructor(functions: readonly unknown[]) {
    this.functions = functions
  }

  /** @throws The error of `call`. */
  call<R>(call: () => R): R {
    const { callScope } = this
    const word = enter(this.mark, this.#calls++)
    try {
      return callScope === undefined ? call() : callScope.runInAsyncScope(call)
    } finally {
      leave(word)
    }
  }
}
