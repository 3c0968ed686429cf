import type { LedgerStatus } from '../contract/status.ts'
import { clockMs } from '../timers.ts'

/** Speed of a job, in shards and records per second. */
export interface Rates {
  readonly shardsPerSec: number
  readonly recordsPerSec: number
}

/** Time over which speeds are measured. */
const WINDOW_MS = 60_000

/** Measures the speed of a job from its status, seen again and again. */
export class StatusRates {
  readonly #seen: { readonly atMs: number; readonly shards: number; readonly records: number }[] =
    []

  add({ done, dead, records }: LedgerStatus): void {
    const atMs = clockMs()
    this.#seen.push({ atMs, shards: done + dead, records })
    while (this.#seen.length > 2 && this.#seen[0]!.atMs < atMs - WINDOW_MS) this.#seen.shift()
  }

  /** `undefined` until there are two looks. */
  rates(): Rates | undefined {
    const [first, last] = [this.#seen[0], this.#seen.at(-1)]
    if (first === undefined || last === undefined || last.atMs <= first.atMs) return undefined
    const seconds = (last.atMs - first.atMs) / 1000
    return {
      shardsPerSec: (last.shards - first.shards) / seconds,
      recordsPerSec: (last.records - first.records) / seconds,
    }
  }
}

/**
 * The speed that workers report of themselves, for a single look. Workers that ended are left out.
 */
export function reportedRates(
  { workers, leaseMs }: LedgerStatus,
  nowMs: number,
): Rates | undefined {
  let [shardsPerSec, recordsPerSec] = [0, 0]
  for (const { state, startedMs, reportedMs, shards, records } of workers) {
    const seconds = (reportedMs - startedMs) / 1000
    if (state === 'ended' || seconds <= 0 || nowMs - reportedMs > 2 * leaseMs) continue
    shardsPerSec += shards / seconds
    recordsPerSec += records / seconds
  }
  return shardsPerSec > 0 ? { shardsPerSec, recordsPerSec } : undefined
}
