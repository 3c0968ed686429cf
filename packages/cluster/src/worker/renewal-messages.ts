import type { Lease } from '../contract/ledger.ts'
import type { WorkerReport } from '../contract/status.ts'
import type { OpenLedgerOptions } from '../open/open-ledger.ts'

/** What the renewal thread starts with. */
export interface RenewalStart {
  readonly url: string
  readonly options: OpenLedgerOptions
  readonly everyMs: number
  /** Stops renewing when the main thread has not ticked for so long. */
  readonly maxBlockedMs: number
  /** One counter, which the main thread increases while its event loop runs. */
  readonly ticks: SharedArrayBuffer
}

/** From the main thread: what to renew from now on. */
export interface RenewalNews {
  readonly report: WorkerReport
  readonly leases: readonly Lease[]
}

/** To the main thread: keys of leases that are lost, or an error that passed. */
export interface RenewalAnswer {
  readonly lost: readonly string[]
}
