import { failOption, mustBe } from '../check.ts'
import { nearest } from './nearest.ts'
import type { AnyRule, Rule } from './rules.ts'

/**
 * A rule for each option of the interface `O`. A declaration that `satisfies Rules<O>` has exactly
 * the names and types of the interface.
 */
export type Rules<O> = { readonly [N in keyof O]-?: Rule<Exclude<O[N], undefined>> }

/** The rules of `O`, for a declaration that is exported. Options of `A` are always there. */
export type RulesOf<O, A extends keyof O = never> = {
  readonly [N in keyof O]-?: Rule<Exclude<O[N], undefined>, N extends A ? 'always' : 'maybe'>
}

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

/** An option that breaks a rule about several options, and the rule. */
export type Breach<D> = readonly [option: keyof D & string, rule: string]

/**
 * The rules about several options. Called with all options, defaults included, when each one keeps
 * to its own rule.
 */
export type Together<D> = (options: Checked<D, unknown>) => Breach<D> | undefined

/** The options of one function or class: their names, rules and defaults. */
export class Options<D extends AnyRules = AnyRules> {
  /** The public interface of the options. Its docblocks describe them. */
  readonly name: string
  readonly rules: D
  /** Name of the class of errors. */
  readonly error: string
  readonly #rules: ReadonlyMap<string, AnyRule>
  /** All options with those defaults that are values. */
  readonly #defaults: Readonly<Record<string, unknown>>
  readonly #computed: readonly (readonly [name: string, make: () => unknown])[]
  readonly #required: readonly string[]
  readonly #error: OptionError | undefined
  readonly #together: ((options: never) => readonly [string, string] | undefined) | undefined

  /** Made by {@link options}. */
  constructor(name: string, rules: D, error?: OptionError, together?: Together<D>) {
    const entries = Object.entries<AnyRule>(rules)
    this.name = name
    this.rules = rules
    this.#rules = new Map(entries)
    this.#defaults = Object.fromEntries(
      entries.map(([each, { settings }]) => [each, settings.default]),
    )
    this.#computed = entries.flatMap(
      ([
        each,
        {
          settings: { defaultOf },
        },
      ]) => (defaultOf === undefined ? [] : [[each, defaultOf] as const]),
    )
    this.#required = entries
      .filter(([, { settings }]) => settings.required === true)
      .map(([each]) => each)
    this.error = error?.name ?? 'SpindleError'
    this.#error = error
    this.#together = together
  }

  /**
   * Checks the options and returns them with their defaults. Each option is read once. The time is
   * proportional to the number of given options.
   *
   * @param where place for the message, for example `stage "decode", train.ts:41`
   * @param name of the option that holds these options
   * @throws `ERR_BAD_OPTION`, naming the option, its rule and the value
   */
  check<O extends object>(given: O, where?: string, name = ''): Checked<D, O> {
    const checked = { ...this.#defaults }
    const problem = this.problem(given, name, checked)
    if (problem !== undefined) failOption(problem, where, this.#error)
    return checked as Checked<D, O>
  }

  /**
   * What is wrong with options, as a sentence. `name` is that of the option that holds them;
   * `checked` has the defaults, and gets the given options.
   */
  problem(
    given: unknown,
    name: string,
    checked: Record<string, unknown> = { ...this.#defaults },
  ): string | undefined {
    if (typeof given !== 'object' || given === null)
      return mustBe(name === '' ? 'options' : name, 'an object', given)
    const path = (each: string): string => (name === '' ? each : `${name}.${each}`)
    let problem: string | undefined
    let required = 0
    for (const each of this.#namesIn(given)) {
      const rule = this.#rules.get(each)
      if (rule === undefined) return unknownOption(each, name, [...this.#rules.keys()])
      const value = (given as Readonly<Record<string, unknown>>)[each]
      if (value === undefined || problem !== undefined) continue
      if (rule.settings.required === true) required++
      problem = rule.problem(value, path(each))
      checked[each] = value
    }
    if (problem !== undefined) return problem
    const missing =
      required < this.#required.length
        ? this.#required.find((each) => checked[each] === undefined)
        : undefined
    if (missing !== undefined) return mustBe(path(missing), this.rules[missing]!.rule, undefined)
    for (const [each, make] of this.#computed) checked[each] ??= make()
    const breach = this.#together?.(checked as never)
    return breach && mustBe(path(breach[0]), breach[1], checked[breach[0]])
  }

  /** The names that are given; for an object of a class, whose members may be inherited, all. */
  #namesIn(given: object): readonly string[] {
    const prototype: unknown = Object.getPrototypeOf(given)
    const names = Object.keys(given)
    return prototype === Object.prototype || prototype === null
      ? names
      : [...new Set([...names, ...this.#rules.keys()])]
  }
}

/** The sentence for an option that is not known. `of` is the option that holds it. */
export function unknownOption(name: string, of: string, known: readonly string[]): string {
  const place = of === '' ? '' : ` of \`${of}\``
  const meant = nearest(name, known)
  const hint = meant === undefined ? '' : `; did you mean \`${meant}\`?`
  return `unknown option \`${name}\`${place}; known are ${known.join(', ')}${hint}`
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
 * @param together the rules about several options
 */
export function options<D extends AnyRules>(
  name: string,
  rules: D,
  error?: OptionError,
  together?: Together<D>,
): Options<D> {
  const declared = new Options(name, rules, error, together)
  all.push(declared as unknown as Options)
  return declared
}

/** The rule about the bounds of a range, for `together`. */
export function minToMax(range: {
  readonly min: number
  readonly max?: number | undefined
}): readonly ['max', string] | undefined {
  const { min, max = min } = range
  return max < min ? ['max', `an integer >= \`min\`, which is ${min}`] : undefined
}

/** Checks one argument that may be left out. @throws `ERR_BAD_OPTION` */
export function checkArgument(name: string, value: unknown, rule: AnyRule, where?: string): void {
  const problem = value === undefined ? undefined : rule.problem(value, name)
  if (problem !== undefined) failOption(problem, where)
}
