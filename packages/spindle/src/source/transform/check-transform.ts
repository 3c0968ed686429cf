import { count, exactInteger, type Rule } from '../../options/index.ts'

/** The rules of the options that say which random order an epoch has. */
export const orderRules: {
  readonly seed: Rule<number, 'always'>
  readonly epoch: Rule<number, 'always'>
} = { seed: exactInteger({ default: 0 }), epoch: count({ default: 0 }) }
