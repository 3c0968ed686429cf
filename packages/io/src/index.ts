export type { DataOf, DType, NdArray } from './array.ts'
export { MediaError, type MediaErrorCode } from './errors.ts'
export type { AugmentOptions } from './image/augment.ts'
export type { ImageBatch, ImageFailure, LoadImageBatchOptions } from './image/batch.ts'
export { loadImage } from './image/load-image.ts'
export { loadImageBatch } from './image/load-image-batch.ts'
export type {
  BackendName,
  FitMode,
  LoadImageOptions,
  Normalization,
  ScaleAlgorithm,
} from './image/options.ts'
export type { ImageLayout, PixelFormat } from './image/pixel-format.ts'
export type { ImageSource } from './source.ts'
export { stack } from './stack.ts'
