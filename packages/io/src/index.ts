export type { DataOf, DType, NdArray } from './array.ts'
export { MediaError, type MediaErrorCode } from './errors.ts'
export { loadImage } from './image/load-image.ts'
export {
  type ImageBatch,
  type ImageFailure,
  type LoadImageBatchOptions,
  loadImageBatch,
} from './image/load-image-batch.ts'
export type { BackendName, FitMode, ImageLayout, LoadImageOptions } from './image/options.ts'
export type { ImageSource } from './source.ts'
export { stack } from './stack.ts'
