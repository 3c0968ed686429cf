export type {
  SharedSink,
  Sink,
  SinkCommits,
  SinkOpenOptions,
  SinkOutput,
  SinkProgress,
  SinkWriter,
  WriteProgress,
  WriteToOptions,
} from '../engine/sink.ts'
export type { ShardInfo, ShardManifest } from './commit-log.ts'
export { type Compression, compressed } from './compressed-output.ts'
export {
  type FileEncoder,
  type FileFormat,
  type FileSinkOptions,
  fileSink,
  type WrittenFile,
} from './file-sink.ts'
export { type JsonlShardOptions, jsonlShards } from './jsonl-shards.ts'
export type { ShardEncoder, ShardFormat, ShardOutput } from './shard-format.ts'
export {
  type CompressedShardOptions,
  compressedShardRules,
  type ShardOptions,
  shardRules,
} from './shard-options.ts'
export { shardSink } from './shard-sink.ts'
