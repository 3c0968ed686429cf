import { mustBe } from '../check.ts'

/** What all rules take besides their bounds. */
export interface RuleSettings<T> {
  /** The value of an option that is not given. Default: none, the option stays `undefined`. */
  readonly default?: T
  /** Makes the default at each check, for a default that depends on the machine. */
  readonly defaultOf?: () => T
  /** Whether the option must be given. Default false. */
  readonly required?: boolean
  /** Whether messages tell the type of a wrong value instead of the value. Default false. */
  readonly isSecret?: boolean
  /** Unit of the value. Default: what the ending of the name says: `Ms`, `Sec`, `Bytes`, … */
  readonly unit?: string
}

/** Whether a checked option always has a value: it is required or has a default. */
export type Presence = 'always' | 'maybe'

type PresenceOf<S> = S extends { required: true } | { default: unknown } | { defaultOf: unknown }
  ? 'always'
  : 'maybe'

/** Further options in a value: a declaration of `options()`. */
export interface Nested {
  readonly name: string
  problem(given: unknown, name: string): string | undefined
}

/** A rule for values of any type. */
export interface AnyRule {
  /** What the value must be, in the words of an error: `an integer >= 1`. */
  readonly rule: string
  readonly settings: RuleSettings<unknown>
  /** What is wrong with a value, as a sentence that names the option. `undefined`: nothing. */
  problem(value: unknown, name: string): string | undefined
  /** The declaration of the options that an object may hold. */
  readonly nested?: Nested
  readonly presence?: Presence
}

/** The rule, default and unit of one option of type `T`. */
export interface Rule<in out T, out P extends Presence = Presence> extends AnyRule {
  readonly settings: RuleSettings<T>
  readonly presence?: P
}

/** A rule in words and as a function, for values that no other function of this module covers. */
export function is<T, const S extends RuleSettings<T> = RuleSettings<T>>(
  rule: string,
  isOk: (value: unknown) => boolean,
  settings?: S,
): Rule<T, PresenceOf<S>> {
  const problem = (value: unknown, name: string): string | undefined =>
    isOk(value) ? undefined : mustBe(name, rule, settings?.isSecret === true ? typeof value : value)
  return { rule, settings: settings ?? {}, problem }
}

/** Bounds of a number, both included. */
export interface Bounds {
  readonly min: number
  readonly max?: number
  /** Whether `Infinity` is accepted too. Default false. */
  readonly orInfinity?: boolean
}

/** An integer within bounds. */
export function integer<const S extends Bounds & RuleSettings<number>>(
  settings: S,
): Rule<number, PresenceOf<S>> {
  const { min, max = Number.POSITIVE_INFINITY, orInfinity = false } = settings
  return is(
    `an integer ${boundsText(settings)}`,
    (value) =>
      orInfinity && value === Number.POSITIVE_INFINITY
        ? true
        : Number.isInteger(value) && (value as number) >= min && (value as number) <= max,
    settings,
  )
}

/** A number within bounds, `Infinity` included if there is no `max`. */
export function number<const S extends Bounds & RuleSettings<number>>(
  settings: S,
): Rule<number, PresenceOf<S>> {
  const { min, max = Number.POSITIVE_INFINITY } = settings
  return is(
    `a number ${boundsText(settings)}`,
    (value) => typeof value === 'number' && value >= min && value <= max,
    settings,
  )
}

function boundsText({ min, max, orInfinity = false }: Bounds): string {
  const bounds = max === undefined ? `>= ${min}` : `from ${min} to ${max}`
  return orInfinity ? `${bounds} or Infinity` : bounds
}

/** An exact integer >= 0, as epochs and positions must be. */
export function count<const S extends RuleSettings<number>>(
  settings: S = {} as S,
): Rule<number, PresenceOf<S>> {
  const { rule, problem } = integer({ min: 0 })
  const isExact = (value: unknown): boolean => (value as number) <= Number.MAX_SAFE_INTEGER
  return {
    rule: `${rule} and <= 2^53 - 1`,
    settings,
    problem: (value, name) =>
      problem(value, name) ??
      (isExact(value) ? undefined : mustBe(name, 'an integer <= 2^53 - 1', value)),
  }
}

/** An exact integer of any sign, as seeds must be. */
export function exactInteger<const S extends RuleSettings<number>>(
  settings: S = {} as S,
): Rule<number, PresenceOf<S>> {
  return is('an integer from -(2^53 - 1) to 2^53 - 1', Number.isSafeInteger, settings)
}

/** A number of milliseconds above 0, or of at least `min`. */
export function durationMs<const S extends Partial<Bounds> & RuleSettings<number>>(
  settings: S = {} as S,
): Rule<number, PresenceOf<S>> {
  const { min, orInfinity = false } = settings
  const bounds =
    min === undefined ? `> 0${orInfinity ? ' or Infinity' : ''}` : boundsText({ ...settings, min })
  return is(
    `a number of milliseconds ${bounds}`,
    (value) =>
      typeof value === 'number' &&
      (min === undefined ? value > 0 : value >= min) &&
      (orInfinity || value !== Number.POSITIVE_INFINITY),
    settings,
  )
}

/** True or false. */
export function boolean<const S extends RuleSettings<boolean>>(
  settings: S = {} as S,
): Rule<boolean, PresenceOf<S>> {
  return is('true or false', (value) => typeof value === 'boolean', settings)
}

/** One of some texts. */
export function choice<const C extends string, const S extends RuleSettings<C>>(
  choices: readonly C[],
  settings: S = {} as S,
): Rule<C, PresenceOf<S>> {
  return is(quotedChoices(choices), (value) => choices.includes(value as C), settings)
}

/** The rule of {@link choice} in words. */
export function quotedChoices(choices: readonly string[]): string {
  return choices.map((one) => `'${one}'`).join(' or ')
}

/** A function. */
export function func<T, const S extends RuleSettings<T> = RuleSettings<T>>(
  settings?: S,
): Rule<T, PresenceOf<S>> {
  return is('a function', (value) => typeof value === 'function', settings)
}

/** A text that is not empty. */
export function text<const S extends RuleSettings<string>>(
  settings: S = {} as S,
): Rule<string, PresenceOf<S>> {
  return is(
    'a text that is not empty',
    (value) => typeof value === 'string' && value !== '',
    settings,
  )
}

/** Any value. */
export function anything<T>(): Rule<T, 'maybe'> {
  return is('any value', () => true)
}

/** An object of any kind but no function. */
export function object<T, const S extends RuleSettings<T> = RuleSettings<T>>(
  settings?: S,
): Rule<T, PresenceOf<S>> {
  return is('an object', (value) => typeof value === 'object' && value !== null, settings)
}

/** The signal that aborts something. */
export function signal(): Rule<AbortSignal, 'maybe'> {
  return is('an AbortSignal', (value) => value instanceof AbortSignal)
}

/** An array whose elements are all `isOk`; `what` names them, in the plural. */
export function list<T, const S extends RuleSettings<T> = RuleSettings<T>>(
  what: string,
  isOk: (element: unknown) => boolean,
  settings?: S & { readonly minLength?: number },
): Rule<T, PresenceOf<S>> {
  const { minLength = 0 } = settings ?? {}
  return is(
    `an array of ${minLength > 0 ? `at least ${minLength} ` : ''}${what}`,
    (value) => Array.isArray(value) && value.length >= minLength && value.every(isOk),
    settings,
  )
}

/** An object of further options. */
export function group<T, const S extends RuleSettings<T> = RuleSettings<T>>(
  nested: Nested,
  settings?: S,
): Rule<T, PresenceOf<S>> {
  return either(object(), nested, settings)
}

/** A plain value, or an object of further options. The words of `plain` name both. */
export function either<T, const S extends RuleSettings<T> = RuleSettings<T>>(
  plain: AnyRule,
  nested: Nested,
  settings?: S,
): Rule<T, PresenceOf<S>> {
  return {
    rule: plain.rule,
    settings: settings ?? {},
    nested,
    problem: (value, name) =>
      (typeof value === 'object' && value !== null ? nested : plain).problem(value, name),
  }
}
