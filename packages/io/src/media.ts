// Entry point `@spindle/io/media`: the parts of FFmpeg's chain. They work in the calling thread and
// block it: for worker ops.

// Packets rewritten
export { BitstreamFilter } from './chain/bitstream/bitstream-filter.ts'
export type { CodecParameters, StreamKind } from './chain/codec-parameters.ts'
// Decoding
export { Decoder, type DecoderOptions } from './chain/decode/decoder.ts'
export type { HardwareChoice, HardwareKind, HardwareReport } from './chain/decode/hardware.ts'
// Containers
export type { ChunkOptions, ChunkSize, ManyChunkOptions } from './chain/demux/chunks.ts'
export {
  Demuxer,
  type DemuxerOptions,
  type DemuxManyOptions,
  type DemuxOptions,
} from './chain/demux/demuxer.ts'
export type { DemuxSource } from './chain/demux/open-input.ts'
// Encoding
export { Encoder } from './chain/encode/encoder.ts'
export type { EncoderOptions } from './chain/encode/encoder-options.ts'
export type { ChainFailure } from './chain/failure.ts'
// Filters
export type { OpenEnd } from './chain/filter/description.ts'
export { FilterGraph, type FilterGraphOptions } from './chain/filter/filter-graph.ts'
export { filters, type Pixels, type ScaleFlags } from './chain/filter/filters.ts'
// Frames
export type { Frame, PictureType } from './chain/frames/frame.ts'
export { Frames, type ToArrayOptions } from './chain/frames/frames.ts'
export type { AudioArrayOptions, VideoArrayOptions } from './chain/frames/from-array.ts'
export { type HandleKind, openHandles } from './chain/handle.ts'
// FFmpeg itself
export {
  type CodecInfo,
  type FFmpegInfo,
  type FilterInfo,
  ffmpegInfo,
} from './chain/info/ffmpeg-info.ts'
export {
  captureFFmpegLog,
  type FFmpegLogLevel,
  type FFmpegLogOptions,
  type FFmpegMessage,
} from './chain/info/ffmpeg-log.ts'
export { Muxer, type MuxerOptions } from './chain/mux/muxer.ts'
// Packets
export type { SideData } from './chain/packets/blob.ts'
export { type Packet, Packets } from './chain/packets/packets.ts'
export type { StreamInfo } from './chain/stream-info.ts'
export type { Rational, TimeValue, TimeWindow } from './chain/time.ts'
