import { badOption, checkInteger, checkOptions } from '../../check.ts'
import type { FailureBudget } from '../types.ts'

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

/** Checks a `maxFailures` option. */
export function checkBudget(budget: unknown, where?: string): asserts budget is FailureBudget {
  if (typeof budget !== 'object' || budget === null) {
    checkInteger('maxFailures', budget, 0, where, true)
    return
  }
  checkOptions(budget, ['rate', 'minSamples'], where)
  const { rate, minSamples } = budget as { rate?: unknown; minSamples?: unknown }
  if (typeof rate !== 'number' || !(rate > 0 && rate <= 1)) {
    badOption('maxFailures.rate', 'a number in the range (0, 1]', rate, where)
  }
  if (minSamples !== undefined) checkInteger('maxFailures.minSamples', minSamples, 1, where)
}
