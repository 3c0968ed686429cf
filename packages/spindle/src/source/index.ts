export type { Json, SeekableSource } from '../engine/seekable.ts'
// Tables
export type {
  Column,
  ColumnBatch,
  ColumnData,
  ColumnDType,
  ColumnMeaning,
} from './column-batch.ts'
// Files

export { urlForMessages } from '../url-for-messages.ts'
export { expandBraces } from './files/expand-braces.ts'
export { type FolderSample, ImageFolder, type ImageFolderOptions } from './files/image-folder.ts'
export {
  fromImageNet,
  type ImageNetOptions,
  type ImageNetSample,
  parseWnid,
} from './files/image-net.ts'
export { imageNetLabels, imageNetSynsets } from './files/image-net-classes.ts'
export { fromFiles, type ListFilesOptions, listFiles } from './files/list-files.ts'
export { readFile } from './files/read-file.ts'
// Files and web servers
export { HttpError } from './http/http-error.ts'
export { type ReadUrlOptions, readUrl } from './http/read-url.ts'
export { RemoteFile } from './http/remote-file.ts'
export { type StreamUrlOptions, streamUrl } from './http/stream-url.ts'
// Manifests
export {
  type FromManifestOptions,
  fromManifest,
  type ManifestRow,
} from './manifest/from-manifest.ts'
// Orders
export { KeyedPermutation } from './permutation.ts'
// Items that a program pushes
export {
  type PushOptions,
  PushSource,
  type PushSourceOptions,
  pushSource,
} from './push/push-source.ts'
// Records
export type { CsvTypes } from './records/csv-table.ts'
export type { CsvType, CsvValue } from './records/csv-types.ts'
export { type CsvRow, type FromCsvOptions, fromCsv } from './records/from-csv.ts'
export {
  type FromLinesOptions,
  fromJsonLines,
  fromTextLines,
} from './records/from-json-lines.ts'
// Samplers
export { DistributedSampler } from './sampler/distributed-sampler.ts'
export { type RankFromEnvironmentOptions, rankFromEnvironment } from './sampler/rank.ts'
export type { DistributedSamplerOptions } from './sampler/sampler-options.ts'
// Sources
export {
  type AsyncSourceDefinition,
  defineAsyncSource,
  defineSource,
  type SourceDefinition,
} from './seek/define-source.ts'
export type {
  AsyncSource,
  ItemOf,
  Shard,
  SourceLike,
  SyncSource,
  Transformed,
} from './seek/source-types.ts'
// Stores of objects
export {
  type FindObjectsOptions,
  type FoundObject,
  findObjects,
  locateObject,
} from './store/find-objects.ts'
export { identifyObjects } from './store/identify-objects.ts'
export type {
  ObjectInfo,
  ObjectPlace,
  ObjectStore,
  ObjectWriter,
  StoreCallOptions,
  StoreReadOptions,
  StoreWriteOptions,
} from './store/object-store.ts'
export { openStore } from './store/open-store.ts'
export type { StoreCacheOptions, StoreCredentials, StoreOptions } from './store/store-options.ts'
// Transforms of sources
export { concat } from './transform/concat.ts'
export {
  type EmbedShuffleOptions,
  type EpochSource,
  embedShuffle,
} from './transform/embed-shuffle.ts'
export { type MixOptions, mix } from './transform/mix.ts'
export { type RepeatOptions, repeat } from './transform/repeat.ts'
export { type ShuffleBufferOptions, shuffleBuffer } from './transform/shuffle-buffer.ts'
export { type ShuffledOptions, shuffled } from './transform/shuffled.ts'
export { skip, split, take } from './transform/take.ts'
