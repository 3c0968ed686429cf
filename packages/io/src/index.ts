// Archives
export { ArchiveError } from './archive/archive-error.ts'
export type { ArchiveSource } from './archive/archive-source.ts'
export type { ArchiveReadManyOptions, ArchiveReadOptions } from './archive/read-many.ts'
export { iterateTar } from './archive/tar/iterate-tar.ts'
export type { TarHeader, TarMember, TarMemberType } from './archive/tar/member.ts'
export type {
  IterateTarOptions,
  StreamTarOptions,
  TarFilterOptions,
  TarUrlOptions,
} from './archive/tar/options.ts'
export { streamTar, type TarStreamMember } from './archive/tar/stream-tar.ts'
export type { TarIndexEntry } from './archive/tar-index/members.ts'
export type { TarIndexOptions } from './archive/tar-index/options.ts'
export { TarIndex } from './archive/tar-index/tar-index.ts'
export { expandBraces } from './archive/webdataset/expand-braces.ts'
export { fromWebDataset } from './archive/webdataset/from-web-dataset.ts'
export {
  type GroupByKeyOptions,
  groupByKey,
  type KeyedMember,
  type Sample,
} from './archive/webdataset/group-by-key.ts'
export type { WebDatasetOptions } from './archive/webdataset/options.ts'
export { iterateZip } from './archive/zip/iterate-zip.ts'
export type { ZipMember, ZipMemberEntry } from './archive/zip/members.ts'
export type { IterateZipOptions, ZipOptions } from './archive/zip/options.ts'
export { ZipFile } from './archive/zip/zip-file.ts'
export type { AnyNdArray, DataOf, DType, NdArray } from './array.ts'
export type { AudioInfo } from './audio/audio-info.ts'
// Audio
export { encodeAudio, saveAudio } from './audio/encode-audio.ts'
export type {
  AudioInput,
  EncodeAudioOptions,
  EncodedAudioFormat,
  SaveAudioOptions,
} from './audio/encode-options.ts'
export { loadAudio } from './audio/load-audio.ts'
export type { AudioArray, AudioFailure } from './audio/loaded.ts'
export type { AudioDType, AudioLayout, LoadAudioOptions } from './audio/options.ts'
export { streamAudio } from './audio/stream-audio.ts'
export type { StreamAudioOptions } from './audio/stream-options.ts'
export { MediaError, type MediaErrorCode } from './errors.ts'
// Video
export type { VideoLimits } from './ffmpeg/limits.ts'
export type { AugmentOptions } from './image/augment.ts'
export type { ImageBatch, ImageFailure, LoadImageBatchOptions } from './image/batch.ts'
export { encodeImage, saveImage } from './image/encode-image.ts'
export type { EncodedFormat, EncodeImageOptions, SaveImageOptions } from './image/encode-options.ts'
export type { ImageFormat } from './image/format.ts'
export type { FitMode } from './image/geometry.ts'
export type { ImageLimits } from './image/limits.ts'
export { loadImage } from './image/load-image.ts'
export { loadImageBatch } from './image/load-image-batch.ts'
export type {
  BackendName,
  LoadImageOptions,
  Normalization,
  ScaleAlgorithm,
} from './image/options.ts'
export type { Orientation } from './image/orientation.ts'
export type { ImageLayout, PixelFormat } from './image/pixel-format.ts'
export type { ImageInfo } from './image/probe.ts'
export type { ByteStream, StreamSource } from './live/live-source.ts'
// Video, and FFmpeg's chain (its links are in `@spindle/io/media`)
export {
  type DecodeFramesOptions,
  type DecodeSourceOptions,
  type DemuxSourceOptions,
  decode,
  demux,
  encode,
  encodeVideo,
  type FilterOptions,
  filter,
  mux,
  type StreamFramesOptions,
  type StreamPacketsOptions,
  saveVideo,
  streamFrames,
  streamPackets,
} from './media/async/forms.ts'
export type { DecodedFrames } from './media/async/jobs.ts'
export type { StreamedSource } from './media/async/stream-source.ts'
export { type FFmpegInfo, ffmpegInfo } from './media/info/ffmpeg-info.ts'
export type {
  EncodeVideoOptions,
  SaveVideoOptions,
  SoundTrack,
} from './media/video-file/encode-options.ts'
// Arrays
export { encodeNpy } from './npy/encode.ts'
export { type LoadNpyOptions, loadNpy } from './npy/load.ts'
export { type ParseNpyOptions, parseNpy } from './npy/parse.ts'
export { saveNpy } from './npy/save.ts'
export { type LoadNpzOptions, loadNpz, parseNpz } from './npz/load.ts'
export type { NpzGetOptions, NpzOptions } from './npz/members.ts'
export { NpzFile } from './npz/npz-file.ts'
export { NpzFileSync } from './npz/npz-file-sync.ts'
export { encodeNpz, type NamedArrays, type SaveNpzOptions, saveNpz } from './npz/save.ts'
// Tables
export type { ParquetDecompressors } from './parquet/codecs.ts'
export { fromParquet, type ParquetOptions } from './parquet/from-parquet.ts'
export type { ParquetRow } from './parquet/read-rows.ts'
export { giveBack } from './pool.ts'
export { type MediaInfo, type ProbeOptions, probe } from './probe.ts'
export type { ImageSource, MediaSource } from './source.ts'
export { stack } from './stack.ts'
export type { UrlOptions } from './url/url-options.ts'
export { loadVideo } from './video/load-video.ts'
export type { VideoArray, VideoFailure } from './video/loaded.ts'
export type { LoadVideoOptions, VideoLayout, VideoOptions, VideoPadding } from './video/options.ts'
export type { SampleVideoOptions } from './video/sample-options.ts'
export { sampleVideo } from './video/sample-video.ts'
export type { ClipOptions, SampleSelection, TimeRounding } from './video/sampling.ts'
export type { StreamVideoOptions } from './video/stream-options.ts'
export { streamVideo } from './video/stream-video.ts'
export type { VideoInfo } from './video/video-info.ts'
// Audio
export { encodeWav, type SaveWavOptions, type WavInput } from './wav/encode.ts'
export type { WavFormat } from './wav/fmt.ts'
export type { WavHeader } from './wav/header.ts'
export type { SoundLimits } from './wav/limits.ts'
export { type LoadWavOptions, loadWav } from './wav/load.ts'
export { type AnyWavAudio, type ParseWavOptions, parseWav, type WavAudio } from './wav/parse.ts'
export type { WavDType } from './wav/samples.ts'
export { saveWav } from './wav/save.ts'
export type { WavEncoding } from './wav/store.ts'
