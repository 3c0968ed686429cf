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

/** The rule of `resourceLimits` of a process. */
export const processLimitsRule: Rule<ResourceLimits, 'maybe'> = group(
  options('ResourceLimits', ofBoth),
)
