import { clockMs } from '../../timers.ts'

// Total time for which requests of this thread have waited for memory, for the statistics of its
// pipelines.
let waiters = 0
let waitedMs = 0
let since = 0

/** Changes the number of requests that wait for memory. */
export function countMemoryWaits(change: number): void {
  const now = clockMs()
  waitedMs += waiters * (now - since)
  since = now
  waiters += change
}

/** Milliseconds for which requests of this thread have waited for memory, in total. */
export function memoryWaitMs(): number {
  countMemoryWaits(0)
  return waitedMs
}
