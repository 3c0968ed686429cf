export type { DataOf, DType, NdArray } from './array.ts'
export { MediaError, type MediaErrorCode } from './errors.ts'
export type { AugmentOptions } from './image/augment.ts'
export type { ImageBatch, ImageFailure, LoadImageBatchOptions } from './image/batch.ts'
export { encodeImage, saveImage } from './image/encode-image.ts'
export type { EncodedFormat, EncodeImageOptions, SaveImageOptions } from './image/encode-options.ts'
export type { ImageFormat } from './image/format.ts'
export { loadImage } from './image/load-image.ts'
export { loadImageBatch } from './image/load-image-batch.ts'
export type {
  BackendName,
  FitMode,
  LoadImageOptions,
  Normalization,
  ScaleAlgorithm,
} from './image/options.ts'
export type { Orientation } from './image/orientation.ts'
export type { ImageLayout, PixelFormat } from './image/pixel-format.ts'
export { type ImageInfo, type MediaInfo, probe } from './image/probe.ts'
export type { ImageSource } from './source.ts'
export { stack } from './stack.ts'
