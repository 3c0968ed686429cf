import { MediaError } from '../base/errors.ts'
import { MAX_PIXELS } from '../base/geometry.ts'
import type { Augmentation } from './augment.ts'
import type { EncodedImage } from './backend.ts'
import { storedSizes } from './facts.ts'
import { type ClaimOutput, imageDecoder } from './ffmpeg/image-decoder.ts'
import { otherFormat, printHead, sniffFormat } from './formats/format.ts'
import { readJpegHeader } from './formats/jpeg.ts'
import { checkPixels } from './image-limits.ts'
import type { ImageTarget } from './image-options.ts'

/** What a file is, by its bytes. @throws Error if it is empty or no image that is known */
export function recognise(bytes: Buffer): EncodedImage {
  if (bytes.length === 0) throw new Error('is empty')
  const format = sniffFormat(bytes)
  if (format !== undefined)
    return { bytes, format, jpeg: format === 'jpeg' ? readJpegHeader(bytes) : undefined }
  const other = otherFormat(bytes)
  if (other !== undefined) {
    const problem = `a ${other} image, which is not read; convert it, for example with ImageMagick or FFmpeg`
    throw new MediaError('ERR_UNSUPPORTED', problem)
  }
  throw new Error(
    `not a JPEG, PNG, WebP, GIF, AVIF, HEIC, TIFF or BMP image: it begins with ${printHead(bytes)}`,
  )
}

/**
 * What a file is, if it says that it is no larger than allowed. @throws MediaError `ERR_TOO_LARGE`
 */
export function recogniseWithin(
  bytes: Buffer,
  { maxPixels }: Pick<ImageTarget, 'maxPixels'>,
): EncodedImage {
  const image = recognise(bytes)
  for (const size of storedSizes(image)) checkPixels(size, { maxPixels })
  return image
}

/**
 * Decodes an image file with FFmpeg, in this thread, into memory that it claims. Throws errors that
 * do not name the source.
 */
export function decodeFile(
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

/** @throws MediaError `ERR_UNSUPPORTED` for a picture that no option makes FFmpeg decode */
function refuseBeyondFFmpeg(image: EncodedImage): void {
  for (const { width, height } of storedSizes(image)) {
    if (width * height <= MAX_PIXELS) continue
    const problem = `a picture of ${width}x${height}, and FFmpeg decodes ${MAX_PIXELS} pixels at most; sharp has no such limit`
    throw new MediaError('ERR_UNSUPPORTED', problem)
  }
}

/** Numbers that were read where no bytes are say so in a way that helps nobody. */
function explainRange(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (code !== 'ERR_OUT_OF_RANGE' && code !== 'ERR_BUFFER_OUT_OF_BOUNDS') return error
  return new Error('the headers are cut off or damaged', { cause: error })
}
