import type { OpCall } from 'spindle'
import { anything, boolean, integer, type Rules } from 'spindle/options'
import type { DataOf, NdArray } from '../../base/array.ts'
import { badOption, MediaError, printValue } from '../../base/errors.ts'
import { mediaOptions } from '../../base/options.ts'
import { checkSource, type ImageSource } from '../../files/source.ts'
import type { Fetching } from '../../files/url-options.ts'
import type { Augmentation } from '../augment.ts'
import { checkResultBytes } from '../image-limits.ts'
import {
  type ImageTarget,
  imageRules,
  imageTarget,
  type LoadImageOptions,
} from '../image-options.ts'
import { bytesPer, type ImageDType, imageShape, product } from '../pixel-format.ts'

/** Options of `loadImageBatch` and `loadImageBatchSync`. */
export interface LoadImageBatchOptions extends LoadImageOptions {
  /** Width of every image in the batch, in pixels. */
  readonly width: number
  /** Height of every image in the batch, in pixels. */
  readonly height: number
  /**
   * `true`, the default: the first failure rejects the call. `false`: images that fail are left
   * out, and reported in {@link ImageBatch.failures}.
   */
  readonly strict?: boolean
  /** An array to fill instead of a new one, of the batch's dtype and shape. */
  readonly into?: NdArray
  /**
   * Whether a new array lies in shared memory. Default `false`: an ordinary `ArrayBuffer`, which
   * onnxruntime and WebGPU ask for.
   */
  readonly shared?: boolean
  /** Images read and decoded at a time, 1 to 1024. Default 8. */
  readonly concurrency?: number
}

const batchOptions = mediaOptions('LoadImageBatchOptions', {
  ...imageRules,
  strict: boolean({ default: true }),
  into: anything(),
  shared: boolean({ default: false }),
  concurrency: integer({ min: 1, max: 1024, default: 8, unit: 'images' }),
} satisfies Rules<LoadImageBatchOptions>)

/** One source that could not be loaded. */
export interface ImageFailure {
  /** Its position among the sources. */
  readonly index: number
  readonly source: ImageSource
  readonly error: MediaError
}

/**
 * Images of one size in one array: with `'rgb24'` and `'HWC'`, uint8 `[images, height, width, 3]`.
 * Its rows are in the order of the sources.
 */
export interface ImageBatch<D extends ImageDType = 'uint8'> extends NdArray<D> {
  /** For each row, the position of its source. Without failures: 0, 1, 2, … */
  readonly indices: readonly number[]
  /** The sources that were left out, in order; always empty when `strict`. */
  readonly failures: readonly ImageFailure[]
}

/** What is known of a batch before its images are. */
export interface BatchShape {
  readonly target: ImageTarget
  readonly shape: readonly number[]
  /** Elements of one image. */
  readonly size: number
}

/** A batch to load, whatever by. */
export interface BatchWork {
  readonly sources: readonly ImageSource[]
  readonly shape: BatchShape
  readonly into: DataOf[ImageDType] | undefined
  readonly augmentations: readonly Augmentation[] | undefined
  readonly isStrict: boolean
  readonly isShared: boolean
  readonly concurrency: number
  /** The call of a pipeline's op that asked for it. */
  readonly caller: OpCall
  /** How URLs are fetched, and the signal. */
  readonly fetching: Fetching
}

/**
 * A batch whose good images lie at the beginning of `data`; what failed, in order. Where it is
 * given up, `data` may be anything.
 */
export interface FilledBatch {
  readonly data: DataOf[ImageDType]
  readonly failures: readonly ImageFailure[]
}

/** Checks the arguments of a batch. @throws MediaError `ERR_BAD_OPTION` */
export function checkBatch(
  sources: readonly ImageSource[],
  options: LoadImageBatchOptions,
): BatchShape {
  const target = imageTarget(options, batchOptions)
  if (!Array.isArray(sources) || sources.length === 0)
    throw badOption('sources', 'an array of at least one source', sources)
  for (const [index, source] of sources.entries()) checkSource(source, `sources[${index}]`)
  const { width, height, frames } = options
  if (width === undefined) throw badOption('width', 'given for a batch', width)
  if (height === undefined) throw badOption('height', 'given for a batch', height)
  if (target.mode === 'shorter')
    throw badOption('mode', 'one that gives all images one size', target.mode)
  if (target.isAnimated) throw badOption('frames', "'first' for a batch", frames)
  const one = imageShape(target.pixelFormat, target.layout, { width, height })
  const size = product(one)
  if (options.into === undefined)
    checkResultBytes(sources.length * size * bytesPer(target.dtype), target)
  return { target, shape: [sources.length, ...one], size }
}

/** The data of an array to fill. @throws MediaError `ERR_BAD_OPTION` where it does not fit */
export function checkInto(
  into: NdArray,
  { shape, target: { dtype } }: BatchShape,
): DataOf[ImageDType] {
  if (into?.dtype !== dtype || String(into.shape) !== String(shape)) {
    const got = into?.shape === undefined ? printValue(into) : `${into.dtype} [${into.shape}]`
    throw new MediaError(
      'ERR_BAD_OPTION',
      `\`into\` must be a ${dtype} array of shape [${shape}], got ${got}`,
    )
  }
  const data = into.data as DataOf[ImageDType]
  const name = `${dtype[0]!.toUpperCase()}${dtype.slice(1)}Array`
  if (Object.prototype.toString.call(data) !== `[object ${name}]`)
    throw badOption('into.data', `a ${name}, as its dtype says`, data)
  if (data.length === product(shape)) return data
  throw badOption('into.data', `of ${product(shape)} elements, as its shape says`, data.length)
}

/**
 * @throws the first failure, if `isStrict`; a library that is missing in any case, for it is no
 * image's fault
 */
export function throwUnlessEndured(failures: readonly ImageFailure[], isStrict: boolean): void {
  const fatal = isStrict
    ? failures[0]
    : failures.find(({ error }) => error.isInfrastructure === true)
  if (fatal !== undefined) throw fatal.error
}

/**
 * A batch whose good images lie at the beginning of `data`: says where they came from, and leaves
 * out the rest.
 */
export function gather(
  data: DataOf[ImageDType],
  { shape, size, target: { dtype } }: BatchShape,
  failures: readonly ImageFailure[],
): ImageBatch<ImageDType> {
  const [count, ...one] = shape as [number, ...number[]]
  const failed = new Set(failures.map(({ index }) => index))
  const indices = Array.from({ length: count }, (_, index) => index).filter(
    (index) => !failed.has(index),
  )
  const good =
    failed.size === 0 ? data : (data.subarray(0, indices.length * size) as DataOf[ImageDType])
  return { data: good, dtype, shape: [indices.length, ...one], indices, failures }
}
