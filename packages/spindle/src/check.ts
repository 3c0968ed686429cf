import { inspect } from 'node:util'
import { SpindleError } from './errors.ts'
import { isUrlText, urlForMessages, urlsForMessages } from './url-for-messages.ts'

/** The sentence for a value that breaks its rule. */
export function mustBe(option: string, rule: string, value: unknown): string {
  return `\`${option}\` must be ${rule}, got ${show(value)}`
}

/** Throws `ERR_BAD_OPTION` with what is wrong, and the place. */
export function failOption(
  problem: string,
  where: string | undefined,
  OptionError: new (code: 'ERR_BAD_OPTION', message: string) => Error = SpindleError,
): never {
  const place = where === undefined ? '' : ` (${where})`
  throw new OptionError('ERR_BAD_OPTION', `${problem}${place}`)
}

/** Throws `ERR_BAD_OPTION` with the option's name, the rule, the value and the place. */
export function badOption(option: string, rule: string, value: unknown, where?: string): never {
  failOption(mustBe(option, rule, value), where)
}

/** Checks that an argument is an integer of at least `minimum`. */
export function checkInteger(
  option: string,
  value: unknown,
  minimum: number,
  where?: string,
): asserts value is number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < minimum)
    badOption(option, `an integer >= ${minimum}`, value, where)
}

/** Checks that `value` is an exact integer >= 0, as epochs and positions must be. */
export function checkCount(
  option: string,
  value: unknown,
  where?: string,
): asserts value is number {
  checkInteger(option, value, 0, where)
  if (!Number.isSafeInteger(value)) badOption(option, 'an integer <= 2^53 - 1', value, where)
}

/** Checks that `value` is a function. */
export function checkFunction(option: string, value: unknown, where?: string): void {
  if (typeof value !== 'function') badOption(option, 'a function', value, where)
}

/** A short, one-line form of any value for messages. It never prints the contents of large data. */
export function show(value: unknown): string {
  try {
    return describe(value)
  } catch {
    // A revoked Proxy, or an object whose own `inspect` throws.
    return `${typeof value === 'function' ? 'a function' : 'an object'} that cannot be shown`
  }
}

function isShort(value: unknown): boolean {
  return typeof value === 'number' || (typeof value === 'string' && value.length <= 20)
}

function describe(value: unknown): string {
  if (typeof value === 'function')
    return value.name === '' ? 'a function' : `function ${value.name}`
  if (Array.isArray(value))
    return value.length <= 8 && value.every(isShort)
      ? `[${value.map(show).join(', ')}]`
      : `an array of ${value.length}`
  if (ArrayBuffer.isView(value) && 'length' in value)
    return `a ${value.constructor.name} of ${value.length}`
  if (value instanceof Map) return `a Map of ${value.size}`
  if (value instanceof URL || (typeof value === 'string' && isUrlText(value)))
    return inspect(urlForMessages(value), { maxStringLength: 200 })
  return urlsForMessages(
    inspect(value, { depth: 0, breakLength: Number.POSITIVE_INFINITY, maxStringLength: 60 }),
  )
}
