import { SpindleError } from '../../errors.ts'

const names = ['onStageStart', 'onStageEnd', 'onTaskStart', 'onTaskEnd'] as const

/**
 * Checks that a value is an array of hooks: objects with at least one of the known functions.
 * @throws `ERR_BAD_OPTION`
 */
export function checkHooks(hooks: unknown): void {
  if (!Array.isArray(hooks))
    throw new SpindleError('ERR_BAD_OPTION', '`hooks` must give an array of hooks')
  for (const hook of hooks as readonly Record<string, unknown>[]) {
    const known =
      typeof hook === 'object' && hook !== null
        ? names.filter((name) => hook[name] !== undefined)
        : []
    if (known.length === 0 || known.some((name) => typeof hook[name] !== 'function')) {
      throw new SpindleError(
        'ERR_BAD_OPTION',
        `each of \`hooks\` must be an object with functions named ${names.join(', ')}`,
      )
    }
  }
}
