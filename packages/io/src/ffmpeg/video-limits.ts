import type { RulesOf } from 'spindle/options'
import { DEFAULT_MAX_PIXELS, DEFAULT_MAX_RESULT_BYTES, tooLarge } from '../base/limits.ts'
import { limit, mediaOptions } from '../base/options.ts'

/**
 * Bounds on what is made of a file from elsewhere: a small one may say that it is large. What
 * exceeds one is `ERR_TOO_LARGE`.
 */
export interface VideoLimits {
  /**
   * Most pixels of a frame as it is stored, width times height; checked before it is decoded, and
   * again where frames change. An integer >= 1, or `Infinity`. Default 178 956 970, where Pillow
   * refuses, too.
   */
  readonly maxPixels?: number
  /**
   * Most frames that come of one call, of all chunks together. An integer >= 1, or `Infinity`.
   * Default `Infinity`.
   */
  readonly maxFrames?: number
  /**
   * Most bytes of the array that a call returns, of each chunk alone. An integer >= 1, or
   * `Infinity`. Default 2 GiB.
   */
  readonly maxResultBytes?: number
}

/** The limits of a call. */
export type Limits = Required<VideoLimits>

/** The rules of {@link VideoLimits}. */
export const limitRules: RulesOf<VideoLimits, keyof VideoLimits> = {
  maxPixels: limit(DEFAULT_MAX_PIXELS),
  maxFrames: limit(Number.POSITIVE_INFINITY),
  maxResultBytes: limit(DEFAULT_MAX_RESULT_BYTES),
}

const limits = mediaOptions('VideoLimits', limitRules)

/** The limits among some options. @throws MediaError `ERR_BAD_OPTION` */
export function limitsOf({ maxPixels, maxFrames, maxResultBytes }: VideoLimits): Limits {
  return limits.check({ maxPixels, maxFrames, maxResultBytes } as VideoLimits)
}

/** @throws MediaError `ERR_TOO_LARGE` for a frame of more than `maxPixels` */
export function checkPixels(
  width: number,
  height: number,
  { maxPixels }: Pick<Limits, 'maxPixels'>,
): void {
  if (width * height <= maxPixels) return
  throw tooLarge('maxPixels', maxPixels, `frames of ${width}x${height}, ${width * height} pixels`)
}

/** @throws MediaError `ERR_TOO_LARGE` for more than `maxResultBytes` */
export function checkBytes(
  bytes: number,
  what: string,
  { maxResultBytes }: Pick<Limits, 'maxResultBytes'>,
): void {
  if (bytes <= maxResultBytes) return
  throw tooLarge('maxResultBytes', maxResultBytes, `${what} take ${bytes} bytes`)
}

/** @throws MediaError `ERR_TOO_LARGE` for more than `maxFrames` */
export function checkFrames(frames: number, { maxFrames }: Pick<Limits, 'maxFrames'>): void {
  if (frames <= maxFrames) return
  throw tooLarge('maxFrames', maxFrames, `there are ${frames} frames or more`)
}

/**
 * What FFmpeg's own `max_pixels` is set to: it says only that a size is invalid, so that what it
 * allocates is bounded, and what is small is refused here.
 */
export function maxPixelsOption({ maxPixels }: Pick<Limits, 'maxPixels'>): number {
  return Math.min(Math.max(maxPixels, LEAST_PIXELS), 2 ** 31 - 1)
}

/**
 * Looks at a decoder that has failed: where it refused a size, it has kept that, or forgotten it.
 *
 * @throws MediaError `ERR_TOO_LARGE`
 */
export function checkRefused(
  { width, height }: { readonly width: number; readonly height: number },
  result: number,
  limits: Pick<Limits, 'maxPixels'>,
): void {
  checkPixels(width, height, limits)
  if (result === -EINVAL && width === 0)
    throw tooLarge('maxPixels', limits.maxPixels, 'a frame has')
}

const EINVAL = 22

/** A frame that does no harm. */
const LEAST_PIXELS = 1 << 24
