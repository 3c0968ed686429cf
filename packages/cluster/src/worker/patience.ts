import { clockMs, pause } from '../timers.ts'

const FIRST_RETRY_MS = 50
const LONGEST_RETRY_MS = 5000

/** Errors that another try does not change. */
const FINAL = new Set([
  'ERR_BAD_OPTION',
  'ERR_LEASE_LOST',
  'ERR_BAD_LEDGER',
  'ERR_EPOCH_MISMATCH',
  'ERR_NO_EPOCH',
  'ERR_BACKEND_MISSING',
])

/**
 * Calls a ledger, and tries again while it cannot be reached: it may be restarting, or the network
 * may be cut.
 *
 * @param patienceMs after that time the error is thrown
 * @param end no further try is made when it is aborted
 */
export async function patiently<T>(
  call: () => Promise<T>,
  patienceMs: number,
  end?: AbortSignal,
): Promise<T> {
  const beganMs = clockMs()
  for (let waitMs = FIRST_RETRY_MS; ; waitMs = Math.min(2 * waitMs, LONGEST_RETRY_MS)) {
    try {
      return await call()
    } catch (error) {
      const isFinal = FINAL.has((error as { code?: string } | null)?.code ?? '')
      if (isFinal || end?.aborted === true || clockMs() - beganMs > patienceMs) throw error
      await pause(waitMs, end)
    }
  }
}
