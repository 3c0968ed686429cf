// Describing a pipeline
export {
  type AnyBuilder,
  merge,
  type OutputOfBuilders,
  type OutputOfPaths,
  type RegionBuilder,
} from './builder/builder.ts'
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
} from './builder/builder-types.ts'
export {
  MAIN,
  type MainPlacement,
  type Placement,
  type WorkersOptions,
  type WorkersPlacement,
  workers,
} from './builder/placement.ts'
export {
  type BuilderWithoutSource,
  PipelineBuilder,
  type PipelineBuilderConstructor,
} from './builder/typed-builder.ts'
export { freeCores, onFreeCores, reserveCores } from './core-budget.ts'
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
// Running ops elsewhere
export type {
  CallContext,
  Executor,
  ExecutorCall,
  ExecutorWorkers,
  WorkerNumber,
  WorkerSpan,
  WorkerTable,
} from './engine/executor.ts'
export { mergeStates } from './engine/progress/merge-states.ts'
export type { Report } from './engine/report/report.ts'
export { statsBetween } from './engine/report/stats-interval.ts'
export { type Bottleneck, type BottleneckChange, findBottleneck } from './engine/report/verdict.ts'
export type {
  BatchState,
  DoneRun,
  EpochState,
  PipelineState,
  SourceState,
} from './engine/resume-state.ts'
// Running and reading a pipeline
export { Pipeline, type StopOptions, type TakeOptions } from './engine/run/pipeline.ts'
export type { StopMode } from './engine/run/stop.ts'
export { UnfinishedError } from './engine/run/unfinished.ts'
export type { Json, SeekableSource } from './engine/seekable.ts'
export type { PendingWork } from './engine/stages/pending-work.ts'
export type { CpuStats } from './engine/stats/cpu-use.ts'
export { Histogram } from './engine/stats/histogram.ts'
export type { LevelSums } from './engine/stats/levels.ts'
export type { LoopBlock, LoopPart, LoopPlace } from './engine/stats/loop-blocks.ts'
export type {
  ConsumerStats,
  DeadLetterStats,
  PipelineStats,
  QueueStats,
  SlotShares,
  StageStats,
  StageSums,
  StatsEvent,
} from './engine/stats/pipeline-stats.ts'
export type { StageWorkers } from './engine/stats/stage-workers.ts'
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
  RateLimit,
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
export { executorOp, type OpDefaults, type WorkerOp } from './engine/worker-op.ts'
// Errors
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
// Profiling, recording and tracing
export { type CacheOptions, cacheIterator } from './observe/cache-iterator.ts'
export { profilePipeline } from './observe/profile.ts'
export type {
  ProfileAdvice,
  ProfileLevel,
  ProfileLimit,
  ProfileOptions,
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
export {
  type ResourceWatch,
  type WatchOptions,
  watchResources,
} from './observe/resources/watch-resources.ts'
export type { SeriesPoint, StagePoint } from './observe/series.ts'
export { Trace, type TraceOptions, type TraceSummary, trace } from './observe/trace.ts'
export type { TraceEvent } from './observe/trace-events.ts'
// Randomness
export { Rng } from './random.ts'
// Libraries with threads of their own
export { type CallLimiter, currentCall, limitCalls, type OpCall, trackCall } from './track-call.ts'
export type { TuningMove, TuningReason } from './tune/tune-types.ts'
export type { PoolOptions } from './workers/calls/pool-options.ts'
export type { PoolStats } from './workers/calls/pool-stats.ts'
export { ProcessPool, type ProcessPoolOptions } from './workers/calls/process-pool.ts'
export { ThreadPool, type ThreadPoolOptions } from './workers/calls/thread-pool.ts'
export {
  type BoundOf,
  type WorkerModule,
  type WorkerModuleOptions,
  workerModule,
} from './workers/calls/worker-module.ts'
// Memory that threads share
export {
  type BatchOutcome,
  type BatchSlot,
  BatchSlots,
  type BatchSlotsOptions,
  type OpenSlot,
  openSlot,
} from './workers/memory/batch-slots.ts'
export type { Lease, LeaseDescriptor, LeaseHandover } from './workers/memory/lease.ts'
export {
  RingBuffer,
  type RingBufferHandle,
  type RingBufferOptions,
  type RingSideOptions,
} from './workers/memory/ring-buffer.ts'
export {
  SegmentPool,
  type SegmentPoolHandle,
  type SegmentPoolOptions,
  type SegmentPoolStats,
} from './workers/memory/segment-pool.ts'
export type { SharedView, SharedViewConstructor } from './workers/memory/shared-view.ts'
export type { HoldOptions, WaitOptions } from './workers/memory/wait-options.ts'
// Running a whole pipeline elsewhere
export type { ExportContext } from './workers/pipelines/inside/load-export.ts'
export type {
  ItemsOf,
  RemoteBuildOptions,
  RemoteOptions,
  RemotePipelineOptions,
} from './workers/pipelines/remote-options.ts'
export type { RemotePipeline } from './workers/pipelines/remote-pipeline.ts'
export {
  iterateInProcess,
  iterateInWorker,
  runPipelineInProcess,
  runPipelineInWorker,
} from './workers/pipelines/run-pipeline.ts'
export { isMainThread } from './workers/supervise/nesting.ts'
export { loadFunction } from './workers/supervise/worker-modules.ts'
export { move } from './workers/transport/move.ts'
