import type { RulesOf } from 'spindle/options'
import type { Size } from '../base/geometry.ts'
import { DEFAULT_MAX_PIXELS, DEFAULT_MAX_RESULT_BYTES, tooLarge } from '../base/limits.ts'
import { limit } from '../base/options.ts'

/**
 * Bounds on what is made of an image file from elsewhere: a small one may say that it is large.
 * What exceeds one is `ERR_TOO_LARGE`.
 */
export interface ImageLimits {
  /**
   * Most pixels of a picture as it is stored, width times height; its header is read before it is
   * decoded. An integer >= 1, or `Infinity`. Default 178 956 970, where Pillow refuses, too.
   */
  readonly maxPixels?: number
  /**
   * Most pictures of an animation, with `frames: 'all'`. An integer >= 1, or `Infinity`. Default
   * `Infinity`.
   */
  readonly maxFrames?: number
  /**
   * Most bytes of the array that a call returns: of an image, an animation, a batch. An integer >=
   * 1, or `Infinity`. Default 2 GiB.
   */
  readonly maxResultBytes?: number
}

/** The limits of a call. */
export type CheckedLimits = Required<ImageLimits>

/** The rules of {@link ImageLimits}. */
export const limitRules: RulesOf<ImageLimits, keyof ImageLimits> = {
  maxPixels: limit(DEFAULT_MAX_PIXELS),
  maxFrames: limit(Number.POSITIVE_INFINITY),
  maxResultBytes: limit(DEFAULT_MAX_RESULT_BYTES),
}

/** @throws MediaError `ERR_TOO_LARGE` for a picture of more than `maxPixels` */
export function checkPixels(
  { width, height }: Size,
  { maxPixels }: Pick<CheckedLimits, 'maxPixels'>,
): void {
  if (width * height <= maxPixels) return
  throw tooLarge(
    'maxPixels',
    maxPixels,
    `a picture of ${width}x${height}, ${width * height} pixels`,
  )
}

/** @throws MediaError `ERR_TOO_LARGE` for an animation of more than `maxFrames` */
export function checkFrames(frames: number, { maxFrames }: Pick<CheckedLimits, 'maxFrames'>): void {
  if (frames <= maxFrames) return
  throw tooLarge('maxFrames', maxFrames, `an animation of ${frames} pictures`)
}

/** @throws MediaError `ERR_TOO_LARGE` for a result of more than `maxResultBytes` */
export function checkResultBytes(
  bytes: number,
  { maxResultBytes }: Pick<CheckedLimits, 'maxResultBytes'>,
): void {
  if (bytes <= maxResultBytes) return
  throw tooLarge('maxResultBytes', maxResultBytes, `a result of ${bytes} bytes`)
}
