import type { AsyncScope } from '../flow/async-scope.ts'
import { enter, leave, newMark } from '../flow/marker.ts'

/**
 * Calls of the functions of a pipeline's options that only listen (`onItemError`, `onStats`,
 * `deadLetter`, `logger`), under a mark of their own.
 */
export class HookCalls {
  /** What they are known by in the marker. */
  readonly mark: number = newMark()
  /** See `Stage.callScope`. */
  callScope: AsyncScope | undefined = undefined
  /** The functions, for whoever looks for one on a stack. */
  readonly functions: readonly unknown[]
  #calls = 0

  constructor(functions: readonly unknown[]) {
    this.functions = functions
  }

  /** @throws what `call` throws */
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
