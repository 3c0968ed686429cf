import { badOption } from '../../check.ts'
import type { ItemError } from '../../errors.ts'
import { callListener } from '../../user-code.ts'
import type { AsyncScope } from '../flow/async-scope.ts'
import { enter, leave, newMark } from '../flow/current-call.ts'
import type { Logger, StageInfo } from '../types.ts'
import { channels } from './channels.ts'

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

/** Reports a failed item to all listeners. Errors of listeners have no effect. */
export function reportFailure(
  stage: StageInfo,
  failure: ItemError,
  logger: Logger,
  onItemError: ((failure: ItemError) => unknown) | undefined,
): void {
  if (channels.itemError.hasSubscribers) channels.itemError.publish({ stage, failure })
  logger.warn(`spindle: stage "${failure.stage}": item ${failure.index} failed`, failure.error)
  callListener(
    () => onItemError?.(failure),
    (error) => logger.error('spindle: `onItemError` failed', error),
  )
}

const silentLogger: Logger = { warn: () => {}, error: () => {} }

/**
 * Wraps the user's logger so that its errors have no effect. Its methods are called on the logger
 * itself. Without a logger, returns one that drops everything.
 */
export function quietLogger(logger: Logger | undefined): Logger {
  if (logger === undefined) return silentLogger
  return {
    warn: (message, error) => callListener(() => logger.warn(message, error)),
    error: (message, error) => callListener(() => logger.error(message, error)),
  }
}

const names = ['onStageStart', 'onStageEnd', 'onTaskStart', 'onTaskEnd'] as const

/** What hooks are, in the words of an error. */
export const HOOKS_RULE: string = `an array of hooks: objects with functions named ${names.join(', ')}`

/** Whether a value is an array of objects with at least one of the known functions. */
export function areHooks(value: unknown): boolean {
  return Array.isArray(value) && value.every(isHook)
}

function isHook(hook: Readonly<Record<string, unknown>> | null | undefined): boolean {
  if (typeof hook !== 'object' || hook === null) return false
  const known = names.filter((name) => hook[name] !== undefined)
  return known.length > 0 && known.every((name) => typeof hook[name] === 'function')
}

/** Checks what a function of the option `hooks` returned. @throws `ERR_BAD_OPTION` */
export function checkHooks(hooks: unknown): void {
  if (!areHooks(hooks)) badOption('hooks', `a function that returns ${HOOKS_RULE}`, hooks)
}
