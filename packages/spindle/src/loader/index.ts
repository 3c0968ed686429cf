// Batches by length, by budget, by time

// Collating and padding
export type { DataOf, DType, NdArray } from './array.ts'
// Packing for language models
export { type AssembleOptions, assemblePack, type PackedSequence } from './assemble-pack.ts'
export type { MemoryOptions } from './batch-memory.ts'
export { batchWithin, type WithinOptions } from './batch-within.ts'
export { type BucketOptions, bucketByLength } from './bucket-by-length.ts'
export {
  type BudgetOptions,
  type ByteBudgetOptions,
  batchByBytes,
  batchByTokens,
  type TokenBudgetOptions,
} from './budget-batches.ts'
// Loaders
export {
  type CacheableLoader,
  CacheDataLoader,
  type CacheLoaderOptions,
} from './cache-data-loader.ts'
export {
  type CollatedBatch,
  type CollateOptions,
  collate,
  collatedBytes,
  type MasksOf,
} from './collate.ts'
export type { Collated, NumberDType } from './collated.ts'
export { DataLoader, type DataLoaderConstructor } from './data-loader.ts'
export type { LoaderProgress } from './loader.ts'
export type {
  AggregateLoaderOptions,
  BatchLoaderOptions,
  CommonLoaderOptions,
  LoaderOp,
  LoaderPlacement,
  LoaderSource,
  LoaderState,
  SampleLoaderOptions,
} from './loader-options.ts'
export { type PackOptions, packDocuments } from './pack-documents.ts'
export { type PackSequencesOptions, packSequences } from './pack-sequences.ts'
export type { PadOptions } from './padding.ts'
export { type SplitOptions, splitDocuments } from './split-documents.ts'
export type { TokenDocument, TokenIds, TokenRecord } from './token-document.ts'
