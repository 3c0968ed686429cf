import { areHooks, HOOKS_RULE } from '../engine/hooks/hook-calls.ts'
import { checkResumedState, resumableRule } from '../engine/progress/resumption.ts'
import { deadLetterRule } from '../engine/run/dead-letters.ts'
import { failureBudget } from '../engine/stages/budget.ts'
import type { BuildOptions, Logger, TuneOptions } from '../engine/types.ts'
import { loopGuardRule } from '../guard/guard-loop.ts'
import {
  choice,
  durationMs,
  either,
  func,
  integer,
  is,
  options,
  type Rule,
  type Rules,
  signal,
} from '../options/index.ts'

const tuneModes = ['off', 'once', 'continuous'] as const

const tuneOptions = options('TuneOptions', {
  mode: choice(tuneModes, { default: 'continuous' }),
  maxMemoryBytes: integer({ min: 1 }),
} satisfies Rules<TuneOptions>)

/** The rule of `seed`. */
export const seedRule: Rule<number, 'always'> = is('an integer', Number.isSafeInteger, {
  default: 0,
})

const buildOptions = options('BuildOptions', {
  maxFailures: failureBudget,
  seed: seedRule,
  signal: signal(),
  hooks: is(HOOKS_RULE, (value) => typeof value === 'function' || areHooks(value)),
  backgroundTasks: is(
    'an array of functions',
    (value) => Array.isArray(value) && value.every((task) => typeof task === 'function'),
  ),
  onItemError: func(),
  deadLetter: deadLetterRule,
  logger: is('an object with the functions warn and error', isLogger),
  loopGuard: loopGuardRule,
  tune: either(choice(tuneModes), tuneOptions),
  threads: integer({ min: 1 }),
  reportIntervalMs: durationMs(),
  onStats: func(),
  resumable: resumableRule,
  state: is('what `pipeline.state()` gave', isObject),
} satisfies Rules<BuildOptions>)

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

function isLogger(value: unknown): boolean {
  const { warn, error } = (value ?? {}) as Partial<Logger>
  return typeof warn === 'function' && typeof error === 'function'
}

/** Checks the options of `build()`. */
export function checkBuildOptions(given: BuildOptions): void {
  buildOptions.check(given)
  checkResumedState(given)
}
