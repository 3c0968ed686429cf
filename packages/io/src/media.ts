// Entry point `@spindle/io/media`: FFmpeg's chain, link by link. All of it works in the calling
// thread and holds it: for worker ops.

// Packets rewritten
export { BitstreamFilter } from './media/bitstream/bitstream-filter.ts'
export type { CodecParameters, StreamKind } from './media/codec-parameters.ts'
// Decoding
export { Decoder, type DecoderOptions } from './media/decode/decoder.ts'
export type { HardwareChoice, HardwareKind, HardwareReport } from './media/decode/hardware.ts'
// Containers
export type { ChunkOptions, ChunkSize, ManyChunkOptions } from './media/demux/chunks.ts'
export {
  Demuxer,
  type DemuxerOptions,
  type DemuxManyOptions,
  type DemuxOptions,
} from './media/demux/demuxer.ts'
export type { DemuxSource } from './media/demux/open-input.ts'
// Encoding
export { Encoder } from './media/encode/encoder.ts'
export type { EncoderOptions } from './media/encode/encoder-options.ts'
export type { ChainFailure } from './media/failure.ts'
// Filters
export type { OpenEnd } from './media/filter/description.ts'
export { FilterGraph, type FilterGraphOptions } from './media/filter/filter-graph.ts'
export { filters, type Pixels, type ScaleFlags } from './media/filter/filters.ts'
// Frames
export type { Frame, PictureType } from './media/frames/frame.ts'
export { Frames, type ToArrayOptions } from './media/frames/frames.ts'
export type { AudioArrayOptions, VideoArrayOptions } from './media/frames/from-array.ts'
export { type HandleKind, openHandles } from './media/handle.ts'
// FFmpeg itself
export {
  type CodecInfo,
  type FFmpegInfo,
  type FilterInfo,
  ffmpegInfo,
} from './media/info/ffmpeg-info.ts'
export {
  captureFFmpegLog,
  type FFmpegLogLevel,
  type FFmpegLogOptions,
  type FFmpegMessage,
} from './media/info/ffmpeg-log.ts'
export { Muxer, type MuxerOptions } from './media/mux/muxer.ts'
// Packets
export type { SideData } from './media/packets/blob.ts'
export { type Packet, Packets } from './media/packets/packets.ts'
export type { StreamInfo } from './media/stream-info.ts'
export type { Rational, TimeValue, TimeWindow } from './media/time.ts'
