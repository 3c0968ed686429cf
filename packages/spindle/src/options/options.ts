import { failOption, mustBe } from '../check.ts'
import { nearest } from './nearest.ts'
import type { AnyRule, Rule } from './rules.ts'

/**
 * A rule for each option of the interface `O`. A declaration that `satisfies Rules<O>` has exactly
 * the names and types of the interface.
 */
export type Rules<O> = { readonly [N in keyof O]-?: Rule<Exclude<O[N], undefined>> }

type AnyRules = { readonly [name: string]: AnyRule }

/** Options of type `O` after the check. Those with a default of `D` are always there. */
export type Checked<D, O> = {
  readonly [N in keyof D]: D[N] extends Rule<infer T, infer P>
    ? 'maybe' extends P
      ? TypeOf<N, O, T> | undefined
      : Exclude<TypeOf<N, O, T>, undefined>
    : never
}

type TypeOf<N, O, T> = N extends keyof O ? O[N] : T

/** Makes the error of a wrong option. */
export type OptionError = new (code: 'ERR_BAD_OPTION', message: string) => Error

/** The options of one function or class: their names, rules and defaults. */
export class Options<D extends AnyRules = AnyRules> {
  /** The public interface of the options. Its docblocks describe them. */
  readonly name: string
  readonly rules: D
  readonly #names: readonly string[]
  readonly #error: OptionError | undefined

  /** Made by {@link options}. */
  constructor(name: string, rules: D, error?: OptionError) {
    this.name = name
    this.rules = rules
    this.#names = Object.keys(rules)
    this.#error = error
  }

  /**
   * Checks the options and returns them with their defaults. Each option is read once.
   *
   * @param where place for the message, for example `stage "decode", train.ts:41`
   * @param name of the option that holds these options
   * @throws `ERR_BAD_OPTION`, naming the option, its rule and the value
   */
  check<O extends object>(given: O, where?: string, name = ''): Checked<D, O> {
    const checked: Record<string, unknown> = {}
    const problem = this.problem(given, name, checked)
    if (problem !== undefined) failOption(problem, where, this.#error)
    return checked as Checked<D, O>
  }

  /** What is wrong with options, as a sentence. `name` is that of the option that holds them. */
  problem(given: unknown, name: string, checked?: Record<string, unknown>): string | undefined {
    if (typeof given !== 'object' || given === null)
      return mustBe(name === '' ? 'options' : name, 'an object', given)
    const prefix = name === '' ? '' : `${name}.`
    for (const each of Object.keys(given))
      if (!Object.hasOwn(this.rules, each)) return this.#unknown(each, name)
    // Also options that are inherited or not enumerable count, so look at the known names.
    for (const each of this.#names) {
      const rule = this.rules[each] as AnyRule
      const value = (given as Readonly<Record<string, unknown>>)[each]
      const isLeftOut = value === undefined && rule.settings.required !== true
      const problem = isLeftOut ? undefined : rule.problem(value, prefix + each)
      if (problem !== undefined) return problem
      if (checked !== undefined) checked[each] = isLeftOut ? defaultOf(rule) : value
    }
    return undefined
  }

  #unknown(name: string, of: string): string {
    const place = of === '' ? '' : ` of \`${of}\``
    const meant = nearest(name, this.#names)
    const hint = meant === undefined ? '' : `; did you mean \`${meant}\`?`
    return `unknown option \`${name}\`${place}; known are ${this.#names.join(', ')}${hint}`
  }
}

function defaultOf({ settings }: AnyRule): unknown {
  return settings.defaultOf === undefined ? settings.default : settings.defaultOf()
}

const all: Options[] = []

/** Each declaration of the modules that are loaded, for the tables of the documentation. */
export function declaredOptions(): readonly Options[] {
  return all
}

/**
 * Declares the options of a function or class.
 *
 * @param name the public interface, `PoolOptions`; several of them, `A & B`; or the member of an
 *   interface that is an object, `PoolOptions.size`
 * @param rules one for each option
 * @param error class of the error of a wrong option. Default: `SpindleError`
 */
export function options<D extends AnyRules>(
  name: string,
  rules: D,
  error?: OptionError,
): Options<D> {
  const declared = new Options(name, rules, error)
  all.push(declared)
  return declared
}

/** Checks one argument that may be left out. @throws `ERR_BAD_OPTION` */
export function checkArgument(name: string, value: unknown, rule: AnyRule, where?: string): void {
  const problem = value === undefined ? undefined : rule.problem(value, name)
  if (problem !== undefined) failOption(problem, where)
}
