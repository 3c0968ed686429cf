import { badOption } from '../../check.ts'

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
