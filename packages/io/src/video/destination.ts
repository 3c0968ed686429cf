import type { DataOf, NdArray } from '../base/array.ts'
import { checkInto } from '../image/batch/batch.ts'
import { product } from '../image/fill.ts'
import type { ImageTarget } from '../image/image-options.ts'
import { type ImageDType, imageShape } from '../image/pixel-format.ts'

/**
 * The data of an array to fill with so many frames. @throws MediaError `ERR_BAD_OPTION` where it
 * does not fit
 */
export function checkDestination(
  into: NdArray,
  target: ImageTarget,
  frames: readonly number[],
): DataOf[ImageDType] {
  const { pixelFormat, layout, width, height } = target
  const one = imageShape(pixelFormat, layout, { width: width!, height: height! })
  return checkInto(into, { target, shape: [...frames, ...one], size: product(one) })
}

/** The part of it that another thread can fill: shared memory, or none. */
export function sharedPart(into: DataOf[ImageDType] | undefined): DataOf[ImageDType] | undefined {
  return into !== undefined && into.buffer instanceof SharedArrayBuffer ? into : undefined
}
