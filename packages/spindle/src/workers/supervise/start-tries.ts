import { isInfrastructureError } from '../../errors.ts'

/** Starts in a row that may fail before one gives up. */
const MOST = 4
/** How long it takes to the second try, in milliseconds; twice as long to each further one. */
const FIRST_WAIT_MS = 50

/**
 * Codes of what another try would meet with again: a flag that is missing, a file that is not
 * there.
 */
const FINAL: readonly unknown[] = [
  'ERR_ACCESS_DENIED',
  'ERR_MODULE_NOT_FOUND',
  'ERR_WORKER_INVALID_EXEC_ARGV',
  'MODULE_NOT_FOUND',
]

/**
 * How often workers could not be started, in a row. One that was killed while it started, as memory
 * that runs short has it, is started again. What its modules say is final: that they are not there,
 * or that their `init` throws.
 */
export class StartTries {
  /** Since the last worker that was ready. */
  failed = 0
  /**
   * One could not be started. Gives how long to wait for the next try, in milliseconds;
   * `undefined`: it is of no use.
   */
  failedWith(cause: unknown): number | undefined {
    this.failed++
    if (isFinal(cause) || this.failed >= MOST) return undefined
    return FIRST_WAIT_MS * 2 ** (this.failed - 1)
  }

  /** A worker is ready, or was: what failed before is no matter. */
  reset(): void {
    this.failed = 0
  }
}

/** Whether what has kept a worker from starting will keep the next one from it. */
export function isFinal(cause: unknown): boolean {
  return (
    isInfrastructureError(cause) ||
    FINAL.includes((cause as { readonly code?: unknown } | undefined)?.code)
  )
}
