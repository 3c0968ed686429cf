/** The median; 0 for an empty list. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  if (sorted.length === 0) return 0
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}

// Student's t for 95 %, two-sided, by degrees of freedom. Beyond the table, the normal
// distribution's 1.96 is close enough.
const T95 = [Number.POSITIVE_INFINITY, 12.71, 4.3, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23]

/**
 * Half-width of the 95 % confidence interval of the mean, relative to the mean; infinite for fewer
 * than two numbers.
 */
export function spreadOf(values: readonly number[]): number {
  const n = values.length
  if (n < 2) return Number.POSITIVE_INFINITY
  const mean = values.reduce((sum, value) => sum + value, 0) / n
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1)
  return mean === 0 ? 0 : ((T95[n - 1] ?? 1.96) * Math.sqrt(variance / n)) / mean
}
