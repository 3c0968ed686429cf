export type {
  SharedSink,
  Sink,
  SinkCommits,
  SinkOpenOptions,
  SinkOutput,
  SinkWriter,
  WriteToOptions,
} from '../engine/sink.ts'
export type { ShardInfo, ShardManifest } from './commit-log.ts'
export { type Compression, compressed } from './compressed-output.ts'
export { type JsonlShardOptions, jsonlShards } from './jsonl-shards.ts'
export type { ShardEncoder, ShardFormat, ShardOutput } from './shard-format.ts'
export type { CompressedShardOptions, ShardOptions } from './shard-options.ts'
export { shardSink } from './shard-sink.ts'
