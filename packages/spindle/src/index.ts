// Describing a pipeline
export { merge, type OutputOfBuilders, type OutputOfPaths, PipelineBuilder } from './builder/builder.ts'
export {
  MAIN,
  type MainPlacement,
  type Placement,
  type WorkersOptions,
  type WorkersPlacement,
  workers,
} from './builder/placement.ts'
export type {
  AggregateOptions,
  ElementOf,
  MergeOptions,
  MergeStopOptions,
  OpFunction,
  Output,
  PipeOptions,
  Router,
  SourceOptions,
  StageTypeError,
  VariantOptions,
} from './builder/types.ts'
export {
  type AggregateConfig,
  type MergeConfig,
  type MergeOp,
  type PipeConfig,
  PipelineConfig,
  type RegionConfig,
  type RegionWorkersConfig,
  type SourceConfig,
  type StageConfig,
  type VariantsConfig,
} from './engine/config.ts'
export type { CpuStats } from './engine/cpu-use.ts'
export { Histogram } from './engine/histogram.ts'
export type { LevelSums } from './engine/levels.ts'
export type { LoopBlock, LoopPart, LoopPlace } from './engine/loop-blocks.ts'
export type { PendingWork } from './engine/pending-work.ts'
// Running it
export { Pipeline, type StopOptions, type TakeOptions } from './engine/pipeline.ts'
export type {
  ConsumerStats,
  DeadLetterStats,
  PipelineStats,
  QueueStats,
  SlotShares,
  StageStats,
  StageSums,
  StatsEvent,
} from './engine/pipeline-stats.ts'
export type { Report } from './engine/report.ts'
export { mergeStates } from './engine/resume/merge-states.ts'
export type { BatchState, DoneRun, EpochState, PipelineState, SourceState } from './engine/resume/state.ts'
export type { Json, SeekableSource } from './engine/seekable.ts'
export type { StageWorkers } from './engine/stage-workers.ts'
export { statsBetween } from './engine/stats-interval.ts'
export type { StopMode } from './engine/stop.ts'
export type { TunedOptions, Tuning } from './engine/tuned.ts'
export type {
  Aggregator,
  BackgroundTask,
  BuildOptions,
  DeadLetterOptions,
  FailureBudget,
  Logger,
  LoopGuardOptions,
  RateBudget,
  ReadableStreamLike,
  ResumeOptions,
  RetryOptions,
  Source,
  SourceContext,
  SourceItems,
  StageContext,
  StageInfo,
  TaskHook,
  TaskInfo,
  TaskOutcome,
  TuneMode,
  TuneOptions,
} from './engine/types.ts'
export { UnfinishedError } from './engine/unfinished.ts'
export { type Bottleneck, type BottleneckChange, findBottleneck } from './engine/verdict.ts'
// What can go wrong
export {
  type ErrorCode,
  InfrastructureError,
  type ItemError,
  PipelineFailure,
  SpindleError,
  StageFailure,
  type StageFailureDetails,
  TimeoutError,
} from './errors.ts'
// Looking at it
export { type CacheOptions, cacheIterator } from './observe/cache-iterator.ts'
export { type ProfileOptions, profilePipeline } from './observe/profile.ts'
export type {
  ProfileAdvice,
  ProfileLevel,
  ProfileLimit,
  ProfileResult,
  SourceProfile,
  StageProfile,
} from './observe/profile-types.ts'
export { type Recording, type RecordOptions, recordPipeline } from './observe/recording.ts'
export { type ResourceInterval, resourcesBetween } from './observe/resources/interval.ts'
export type { ResourceSummary } from './observe/resources/meter.ts'
export {
  type MachineUsage,
  type ResourceUsage,
  type ResourceUsageOptions,
  resourceUsage,
} from './observe/resources/usage.ts'
export { type ResourceWatch, type WatchOptions, watchResources } from './observe/resources/watch.ts'
export type { SeriesPoint, StagePoint } from './observe/series.ts'
export { Trace, type TraceOptions, type TraceSummary, trace } from './observe/trace.ts'
export type { TraceEvent } from './observe/trace-events.ts'
// Running ops elsewhere
export type {
  CallContext,
  Executor,
  ExecutorCall,
  ExecutorWorkers,
  WorkerNumber,
  WorkerSpan,
} from './placement/executor.ts'
// Memory that threads share
export {
  type BatchOutcome,
  type BatchSlot,
  BatchSlots,
  type BatchSlotsOptions,
  type OpenSlot,
  openSlot,
} from './placement/memory/batch-slots.ts'
export type { Lease, LeaseDescriptor, LeaseHandover } from './placement/memory/lease.ts'
export {
  RingBuffer,
  type RingBufferHandle,
  type RingBufferOptions,
  type RingSideOptions,
} from './placement/memory/ring-buffer.ts'
export {
  SegmentPool,
  type SegmentPoolHandle,
  type SegmentPoolOptions,
  type SegmentPoolStats,
} from './placement/memory/segment-pool.ts'
export type { SharedView, SharedViewConstructor } from './placement/memory/shared-view.ts'
export type { HoldOptions, WaitOptions } from './placement/memory/wait-options.ts'
export { move } from './placement/move.ts'
export { isMainThread } from './placement/nesting.ts'
export type { PoolOptions } from './placement/pool/options.ts'
export type { PoolStats } from './placement/pool/stats.ts'
export { ProcessPool, type ProcessPoolOptions } from './placement/process-pool.ts'
export { ThreadPool, type ThreadPoolOptions } from './placement/thread-pool.ts'
export {
  type BoundOf,
  type WorkerModule,
  type WorkerModuleOptions,
  type WorkerOp,
  workerModule,
} from './placement/worker-op.ts'
// Randomness
export { Rng } from './random.ts'
// Running a whole pipeline elsewhere
export type { ExportContext } from './remote/load-export.ts'
export type { ItemsOf, RemoteBuildOptions, RemoteOptions, RemotePipelineOptions } from './remote/options.ts'
export type { RemotePipeline } from './remote/remote-pipeline.ts'
export {
  iterateInProcess,
  iterateInWorker,
  runPipelineInProcess,
  runPipelineInWorker,
} from './remote/run-pipeline.ts'
// Libraries with threads of their own
export { type CallLimiter, currentCall, limitCalls, type OpCall, trackCall } from './track-call.ts'
export type { TuningMove, TuningReason } from './tune/types.ts'
