// Archives

export { expandBraces } from 'spindle/source'
// Audio
export { encodeAudio, loadAudio, saveAudio, streamAudio } from './api/audio.ts'
// Video, and FFmpeg's chain (its links are in `@spindle/io/media`)
export {
  type DecodeFramesOptions,
  type DecodeSourceOptions,
  type DemuxSourceOptions,
  decode,
  demux,
  encode,
  type FilterOptions,
  filter,
  mux,
  type StreamFramesOptions,
  type StreamPacketsOptions,
  streamFrames,
  streamPackets,
} from './api/chain.ts'
export { fromParquet } from './api/from-parquet.ts'
export { encodeImage, loadImage, loadImageBatch, saveImage } from './api/image.ts'
export { type InspectOptions, inspect } from './api/inspect.ts'
export type { Inspection } from './api/inspection.ts'
export type { ParquetOptions } from './api/parquet-options.ts'
export { giveBack } from './api/pool.ts'
export { type MediaInfo, type ProbeOptions, probe } from './api/probe.ts'
export { stack } from './api/stack.ts'
export { encodeVideo, loadVideo, sampleVideo, saveVideo, streamVideo } from './api/video.ts'
export type { AudioInfo } from './audio/audio-info.ts'
export type { AudioDType, AudioLayout, LoadAudioOptions } from './audio/audio-options.ts'
export type { AudioArray, AudioFailure } from './audio/audio-results.ts'
export type {
  AudioInput,
  EncodeAudioOptions,
  EncodedAudioFormat,
  SaveAudioOptions,
} from './audio/encode-audio-options.ts'
export type { StreamAudioOptions } from './audio/stream-audio-options.ts'
export type { AnyNdArray, DataOf, DType, NdArray } from './base/array.ts'
export { MediaError, type MediaErrorCode } from './base/errors.ts'
export type { FitMode } from './base/geometry.ts'
export type { DecodedFrames } from './chain/chain-jobs.ts'
export { type FFmpegInfo, ffmpegInfo } from './chain/info/ffmpeg-info.ts'
export type {
  EncodeVideoOptions,
  SaveVideoOptions,
  SoundTrack,
} from './chain/video-file/encode-video-options.ts'
export type { ScaleAlgorithm } from './ffmpeg/scalers.ts'
// Video
export type { VideoLimits } from './ffmpeg/video-limits.ts'
export type { ImageSource, MediaSource } from './files/source.ts'
export type { UrlOptions } from './files/url-options.ts'
export { ArchiveError } from './formats/archive/archive-error.ts'
export type { ArchiveSource } from './formats/archive/archive-source.ts'
export type { ArchiveReadManyOptions, ArchiveReadOptions } from './formats/archive/read-many.ts'
// Tables
export {
  type ArrowOptions,
  type FromArrowOptions,
  fromArrow,
} from './formats/arrow/from-arrow.ts'
export { streamArrow } from './formats/arrow/stream-arrow.ts'
// Arrays
export { encodeNpy } from './formats/npy/encode-npy.ts'
export { type LoadNpyOptions, loadNpy } from './formats/npy/load-npy.ts'
export { type ParseNpyOptions, parseNpy } from './formats/npy/parse-npy.ts'
export { saveNpy } from './formats/npy/save-npy.ts'
export { type LoadNpzOptions, loadNpz, parseNpz } from './formats/npz/load-npz.ts'
export { NpzFile, NpzFileSync } from './formats/npz/npz-file.ts'
export type { NpzGetOptions, NpzOptions } from './formats/npz/npz-members.ts'
export {
  encodeNpz,
  type NamedArrays,
  type SaveNpzOptions,
  saveNpz,
} from './formats/npz/save-npz.ts'
// Tables
export type { ParquetDecompressors } from './formats/parquet/codecs.ts'
export type {
  ParquetCondition,
  ParquetValue,
  ParquetWhere,
} from './formats/parquet/columns/where.ts'
export type { TableFiles } from './formats/parquet/places.ts'
export type { ParquetRow } from './formats/parquet/read-rows.ts'
export {
  encodeSafetensors,
  type SafetensorsWriteOptions,
  saveSafetensors,
} from './formats/safetensors/encode-safetensors.ts'
export {
  type LoadSafetensorsOptions,
  loadSafetensors,
  type ParseSafetensorsOptions,
  parseSafetensors,
  type Safetensors,
} from './formats/safetensors/load-safetensors.ts'
export { iterateTar } from './formats/tar/iterate-tar.ts'
export { streamTar, type TarStreamMember } from './formats/tar/stream-tar.ts'
export type { TarHeader, TarMember, TarMemberType } from './formats/tar/tar-member.ts'
export type {
  IterateTarOptions,
  StreamTarOptions,
  TarFilterOptions,
  TarUrlOptions,
} from './formats/tar/tar-options.ts'
export type { TarIndexEntry } from './formats/tar-index/index-members.ts'
export { TarIndex } from './formats/tar-index/tar-index.ts'
export type { TarIndexOptions } from './formats/tar-index/tar-index-options.ts'
// Audio
export { encodeWav, type SaveWavOptions, type WavInput } from './formats/wav/encode-wav.ts'
export type { WavFormat } from './formats/wav/fmt.ts'
export { type LoadWavOptions, loadWav } from './formats/wav/load-wav.ts'
export {
  type AnyWavAudio,
  type ParseWavOptions,
  parseWav,
  type WavAudio,
} from './formats/wav/parse-wav.ts'
export { saveWav } from './formats/wav/save-wav.ts'
export type { SoundLimits } from './formats/wav/sound-limits.ts'
export type { WavEncoding } from './formats/wav/store.ts'
export type { WavHeader } from './formats/wav/wav-header.ts'
export type { WavDType } from './formats/wav/wav-samples.ts'
export { fromWebDataset } from './formats/webdataset/from-web-dataset.ts'
export {
  type GroupByKeyOptions,
  groupByKey,
  type KeyedMember,
  type Sample,
} from './formats/webdataset/group-by-key.ts'
export type { WebDatasetOptions } from './formats/webdataset/web-dataset-options.ts'
export { iterateZip } from './formats/zip/iterate-zip.ts'
export { ZipFile } from './formats/zip/zip-file.ts'
export type { ZipMember, ZipMemberEntry } from './formats/zip/zip-members.ts'
export type { IterateZipOptions, ZipOptions } from './formats/zip/zip-options.ts'
export type { AugmentOptions } from './image/augment.ts'
export type { ImageBatch, ImageFailure, LoadImageBatchOptions } from './image/batch/batch.ts'
export type {
  EncodedFormat,
  EncodeImageOptions,
  SaveImageOptions,
} from './image/encode-image-options.ts'
export type { ImageFormat } from './image/encoded-image.ts'
export type { ImageLimits } from './image/image-limits.ts'
export type { BackendName, LoadImageOptions, Normalization } from './image/image-options.ts'
export type { ImageInfo } from './image/inspect-image.ts'
export type { Orientation } from './image/orientation.ts'
export type { ImageLayout, PixelFormat } from './image/pixel-format.ts'
// Sinks
export { npyFile } from './sinks/npy-file.ts'
export { npyShards } from './sinks/npy-shards.ts'
export type { ParquetColumn, ParquetColumnType } from './sinks/parquet-columns.ts'
export { type ParquetShardOptions, parquetShards } from './sinks/parquet-shards.ts'
export {
  type NamedBatch,
  type SafetensorsShardOptions,
  safetensorsShards,
} from './sinks/safetensors-shards.ts'
export {
  type TarFile,
  type TarSample,
  type TarShardOptions,
  tarShards,
} from './sinks/tar-shards.ts'
export type {
  ByteStream,
  StreamSource,
  StreamSource as StreamedSource,
} from './streaming-input/stream-source.ts'
export type { SampleVideoOptions } from './video/sample-video-options.ts'
export type { ClipOptions, SampleSelection, TimeRounding } from './video/sampling.ts'
export type { StreamVideoOptions } from './video/stream-video-options.ts'
export type { VideoInfo } from './video/video-info.ts'
export type {
  LoadVideoOptions,
  VideoLayout,
  VideoOptions,
  VideoPadding,
} from './video/video-options.ts'
export type { VideoArray, VideoFailure } from './video/video-results.ts'
