import type { DataOf } from '../base/array.ts'
import { MediaError } from '../base/errors.ts'
import { MAX_PIXELS } from '../base/geometry.ts'
import type { ThreadContext } from '../base/thread-context.ts'
import { readSourceSync } from '../files/read-source-sync.ts'
import type { SyncSource } from '../files/source.ts'
import type { Augmentation } from './augment.ts'
import { type EncodedImage, recogniseWithin, storedSizes } from './encoded-image.ts'
import { type ClaimOutput, imageDecoder } from './ffmpeg/image-decoder.ts'
import { checkResultBytes } from './image-limits.ts'
import type { ImageTarget } from './image-options.ts'
import { bytesPer, type ImageDType, imageArray, imageShape, product } from './pixel-format.ts'

/** The shape and data of loaded images. */
export interface ImageResult {
  readonly data: DataOf[ImageDType]
  readonly dtype: ImageDType
  readonly shape: number[]
}

/** A request to load one source. */
export interface ImageJob {
  readonly source: SyncSource
  readonly target: ImageTarget
  readonly augmentation: Augmentation | undefined
}

/** One source of several that could not be loaded. */
export interface IndexedError {
  /** Its position in the list. */
  readonly index: number
  /** The error, which does not name the source. */
  readonly error: unknown
}

/** Loads one image into memory of its own. @throws errors that do not name the source */
export function loadImageInThread(
  { source, target, augmentation }: ImageJob,
  context: ThreadContext,
): ImageResult {
  const bytes = readSourceSync(source)
  const { dtype, pixelFormat, layout, isAnimated } = target
  let loaded: ImageResult | undefined
  decodeFile(bytes, target, augmentation, (size, pictures) => {
    const one = imageShape(pixelFormat, layout, size)
    const shape = isAnimated ? [pictures, ...one] : one
    const length = product(shape)
    checkResultBytes(length * bytesPer(dtype), target)
    const bytes = length * bytesPer(dtype)
    const memory = context.allocSample?.(bytes) ?? context.alloc(bytes)
    loaded = { data: imageArray(dtype, length, memory.buffer, memory.byteOffset), dtype, shape }
    return loaded.data
  })
  return loaded!
}

/** A request to load several sources, each of `size` elements. */
export interface FillJob {
  readonly sources: readonly SyncSource[]
  readonly target: ImageTarget
  readonly augmentations: readonly Augmentation[] | undefined
  readonly size: number
  /** Whether the first failure ends the request. */
  readonly isStrict: boolean
}

/**
 * Loads images one after another into `out`; failed images leave no gap. It asks before each image
 * whether to continue.
 */
export function fill(
  job: FillJob,
  out: DataOf[ImageDType],
  isWanted: () => boolean,
): IndexedError[] {
  const { sources, target, augmentations, size, isStrict } = job
  const errors: IndexedError[] = []
  let done = 0
  for (const [index, source] of sources.entries()) {
    if (!isWanted()) break
    try {
      const bytes = readSourceSync(source)
      const claim = (): DataOf[ImageDType] =>
        out.subarray(done * size, (done + 1) * size) as DataOf[ImageDType]
      decodeFile(bytes, target, augmentations?.[index], claim)
      done += 1
    } catch (error) {
      errors.push({ index, error })
      if (isStrict) break
    }
  }
  return errors
}

/**
 * Decodes an image file with FFmpeg, in this thread, into memory that it claims. Errors do not name
 * the source.
 */
function decodeFile(
  bytes: Buffer,
  target: ImageTarget,
  augmentation: Augmentation | undefined,
  claim: ClaimOutput,
): void {
  try {
    const image = recogniseWithin(bytes, target)
    if (target.maxPixels > MAX_PIXELS) refuseBeyondFFmpeg(image)
    imageDecoder().decode(image, target, augmentation, claim)
  } catch (error) {
    throw explainRange(error)
  }
}

/** @throws MediaError `ERR_UNSUPPORTED` for a picture that FFmpeg cannot decode with any option */
function refuseBeyondFFmpeg(image: EncodedImage): void {
  for (const { width, height } of storedSizes(image)) {
    if (width * height <= MAX_PIXELS) continue
    const problem = `a picture of ${width}x${height}, and FFmpeg decodes ${MAX_PIXELS} pixels at most; sharp has no such limit`
    throw new MediaError('ERR_UNSUPPORTED', problem)
  }
}

/** Replaces the message of a read past the end, which helps nobody, with one that says so. */
function explainRange(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (code !== 'ERR_OUT_OF_RANGE' && code !== 'ERR_BUFFER_OUT_OF_BOUNDS') return error
  return new Error('the headers are cut off or damaged', { cause: error })
}
