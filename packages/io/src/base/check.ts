import { type AnyRule, unknownOption } from 'spindle/options'
import { badOption, MediaError } from './errors.ts'

/**
 * Refuses options that are not known: a misspelt option is an error.
 *
 * @param forUrls those that only matter for URLs, which are named last
 * @throws MediaError `ERR_BAD_OPTION`
 */
export function checkKnown(
  options: unknown,
  known: readonly string[],
  forUrls: readonly string[] = [],
): void {
  if (typeof options !== 'object' || options === null)
    throw badOption('options', 'an object', options)
  const all = [...known, ...forUrls]
  for (const name of Object.keys(options))
    if (!all.includes(name)) throw new MediaError('ERR_BAD_OPTION', unknownOption(name, '', all))
}

/** @throws MediaError `ERR_BAD_OPTION` unless `value` is one of `allowed` */
export function checkOneOf(name: string, value: unknown, allowed: readonly string[]): void {
  if (allowed.includes(value as string)) return
  throw badOption(name, allowed.map((word) => `'${word}'`).join(' or '), value)
}

/** @throws MediaError `ERR_BAD_OPTION` unless `value` is an AbortSignal or missing */
export function checkSignal(value: unknown): void {
  if (value !== undefined && !(value instanceof AbortSignal))
    throw badOption('signal', 'an AbortSignal', value)
}

/** @throws MediaError `ERR_BAD_OPTION` unless `value` is a boolean */
export function checkBoolean(name: string, value: unknown): void {
  if (typeof value !== 'boolean') throw badOption(name, 'true or false', value)
}

/** Checks one argument. @throws MediaError `ERR_BAD_OPTION` */
export function checkRule(name: string, value: unknown, rule: AnyRule): void {
  const problem = rule.problem(value, name)
  if (problem !== undefined) throw new MediaError('ERR_BAD_OPTION', problem)
}
