import { badOption, checkInteger, checkOptions } from '../../check.ts'
import type { FailureBudget } from '../types.ts'

/** Counts the calls of one stage and says when too many have failed. */
export class Budget {
  /** Whether every call must be told, not only those that failed. */
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

  /** Whether the failures so far are more than is endured. */
  get isExceeded(): boolean {
    if (!this.isRate) return this.failures > this.#limit
    // By division, for 29 / 100 is the same number as 0.29, and 0.29 * 100 is less than 29.
    return this.calls >= this.#minSamples && this.failures / this.calls > this.#limit
  }

  /**
   * What was exceeded, in words, for the failure's message; nothing to say where no failure is
   * endured at all.
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
