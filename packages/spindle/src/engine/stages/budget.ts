import { either, integer, is, options, type Rule, type Rules } from '../../options/index.ts'
import type { FailureBudget, RateBudget } from '../types.ts'

const rateBudget = options('RateBudget', {
  rate: is('a number in the range (0, 1]', isShare, { required: true }),
  minSamples: integer({ min: 1, default: 100 }),
} satisfies Rules<RateBudget>)

function isShare(value: unknown): boolean {
  return typeof value === 'number' && value > 0 && value <= 1
}

/** The rule of `maxFailures`. */
export const failureBudget: Rule<FailureBudget, 'maybe'> = either(
  integer({ min: 0, orInfinity: true }),
  rateBudget,
)

/** Counts the calls of one stage and tells when too many have failed. */
export class Budget {
  /** Whether all calls must be counted, not only failed ones. */
  readonly isRate: boolean
  calls = 0
  failures = 0
  readonly #limit: number
  readonly #minSamples: number

  constructor(budget: FailureBudget) {
    this.isRate = typeof budget !== 'number'
    this.#limit = typeof budget === 'number' ? budget : budget.rate
    this.#minSamples = typeof budget === 'number' ? 0 : (budget.minSamples ?? 100)
  }

  /** Whether more calls have failed than allowed. */
  get isExceeded(): boolean {
    if (!this.isRate) return this.failures > this.#limit
    // Divide instead of multiplying: 29 / 100 equals 0.29, but 0.29 * 100 is less than 29.
    return this.calls >= this.#minSamples && this.failures / this.calls > this.#limit
  }

  /**
   * Describes the exceeded budget for the failure's message. `undefined` if no failure is allowed.
   */
  describe(): string | undefined {
    if (this.isRate) {
      return `${this.failures} of ${this.calls} calls failed, more than \`maxFailures.rate\` ${this.#limit}`
    }
    return this.#limit === 0
      ? undefined
      : `${this.failures} failures, more than \`maxFailures\` ${this.#limit}`
  }
}
