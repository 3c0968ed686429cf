import type { ResourceLimits } from 'node:worker_threads'
import { group, is, options, type Rule, type Rules } from '../../options/index.ts'

const mebibytes: Rule<number, 'maybe'> = is(
  'a number of MiB > 0',
  (value) => typeof value === 'number' && value > 0,
  { unit: 'MiB' },
)

const ofBoth = { maxOldGenerationSizeMb: mebibytes, maxYoungGenerationSizeMb: mebibytes }

const threadLimits = options('ResourceLimits', {
  ...ofBoth,
  codeRangeSizeMb: mebibytes,
  stackSizeMb: mebibytes,
} satisfies Rules<ResourceLimits>)

/** The rule of `resourceLimits`. */
export const limitsRule: Rule<ResourceLimits, 'maybe'> = group(threadLimits)

/**
 * Node's arguments that give a process the limits of a thread. V8's flags take whole numbers, and
 * the young generation is three semi-spaces. Processes have no `codeRangeSizeMb`.
 */
export function argumentsOf(limits: ResourceLimits | undefined): string[] {
  const { maxOldGenerationSizeMb, maxYoungGenerationSizeMb, stackSizeMb } = limits ?? {}
  const flag = (name: string, size: number | undefined): string[] =>
    size === undefined ? [] : [`--${name}=${Math.max(1, Math.round(size))}`]
  return [
    ...flag('max-old-space-size', maxOldGenerationSizeMb),
    ...flag(
      'max-semi-space-size',
      maxYoungGenerationSizeMb === undefined ? undefined : maxYoungGenerationSizeMb / 3,
    ),
    ...flag('stack-size', stackSizeMb === undefined ? undefined : stackSizeMb * 1024),
  ]
}

/** The rule of `resourceLimits` of a process. */
export const processLimitsRule: Rule<ResourceLimits, 'maybe'> = group(
  options('ResourceLimits', ofBoth),
)
