// The epoch and its ledger
export { type Epoch, type EpochPlan, epochId, type ShardSpec } from './contract/epoch.ts'
export type {
  FailOptions,
  Lease,
  LeaseAnswer,
  Ledger,
  LedgerCallOptions,
} from './contract/ledger.ts'
export type { ShardCommit, ShardOutput, ShardProgress, ShardRange } from './contract/progress.ts'
export type { LedgerStatus, ShardFailure, ShardResult, WorkerReport } from './contract/status.ts'
// Stores that a ledger can stand on
export type { EntryCallOptions, EntryStore } from './entries/entry-store.ts'
export { MemoryEntries } from './entries/memory-entries.ts'
export { ObjectEntries } from './entries/object-entries.ts'
// Errors
export { ClusterError, type ClusterErrorCode } from './errors.ts'
export { StoreLedger } from './store/store-ledger.ts'
