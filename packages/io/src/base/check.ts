import type { AnyRule } from 'spindle/options'
import { badOption, MediaError } from './errors.ts'

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

/** Checks one argument. @throws MediaError `ERR_BAD_OPTION` */
export function checkRule(name: string, value: unknown, rule: AnyRule): void {
  const problem = rule.problem(value, name)
  if (problem !== undefined) throw new MediaError('ERR_BAD_OPTION', problem)
}
