import { isInfrastructureError } from '../../errors.ts'

/** Maximum number of consecutive failures to start. */
const MOST = 4
/** Time before the second attempt, in milliseconds; doubled for each further one. */
const FIRST_WAIT_MS = 50

/** Error codes that another attempt would get too: a missing flag, a missing file. */
const FINAL: readonly unknown[] = [
  'ERR_ACCESS_DENIED',
  'ERR_MODULE_NOT_FOUND',
  'ERR_WORKER_INVALID_EXEC_ARGV',
  'MODULE_NOT_FOUND',
]

/**
 * Counts consecutive failures to start workers. A worker that was killed while it started, as
 * happens when memory is short, is started again. Errors of its modules are final: a missing
 * module, or an `init` that throws.
 */
export class StartTries {
  /** Number of failures since a worker was last ready. */
  failed = 0
  /**
   * Notes a failure. Returns the time before the next attempt in milliseconds, or `undefined` if
   * another attempt is useless.
   */
  failedWith(cause: unknown): number | undefined {
    this.failed++
    if (isFinal(cause) || this.failed >= MOST) return undefined
    return FIRST_WAIT_MS * 2 ** (this.failed - 1)
  }

  /** A worker is or was ready, so earlier failures do not count. */
  reset(): void {
    this.failed = 0
  }
}

/** Whether the next worker would fail to start for the same reason. */
export function isFinal(cause: unknown): boolean {
  return (
    isInfrastructureError(cause) ||
    FINAL.includes((cause as { readonly code?: unknown } | undefined)?.code)
  )
}
