import { clockMs } from '../../timers.ts'

// How long requests of this thread have waited for memory, together: for the statistics of its
// pipelines.
let waiters = 0
let waitedMs = 0
let since = 0

/** So many more requests wait for memory, or fewer. */
export function countMemoryWaits(change: number): void {
  const now = clockMs()
  waitedMs += waiters * (now - since)
  since = now
  waiters += change
}

/** Milliseconds for which requests of this thread have waited for memory, together, up to now. */
export function memoryWaitMs(): number {
  countMemoryWaits(0)
  return waitedMs
}
