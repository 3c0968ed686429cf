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
// Jobs
export { defineJob } from './job/define-job.ts'
export type {
  FunctionJob,
  Job,
  JobSettings,
  JobShard,
  PipelineJob,
  RunningShard,
  ShardLike,
} from './job/job.ts'
export { listShards } from './job/list-shards.ts'
export { type OpenLedgerOptions, openLedger } from './open/open-ledger.ts'
export { StoreLedger } from './store/store-ledger.ts'
export { openJob, runWorker, type WorkerResult } from './worker/run-worker.ts'
export type { WorkerEvent, WorkerOptions } from './worker/worker-options.ts'
