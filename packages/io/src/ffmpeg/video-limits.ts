import type { RulesOf } from 'spindle/options'
import { DEFAULT_MAX_PIXELS, DEFAULT_MAX_RESULT_BYTES, tooLarge } from '../base/limits.ts'
import { limit, mediaOptions } from '../base/options.ts'

/**
 * Limits for untrusted files: a small file may claim to be large. If a limit is exceeded, the error
 * is `ERR_TOO_LARGE`.
 */
export interface VideoLimits {
  /**
   * Largest stored frame, in pixels (width times height). It is checked before decoding, and again
   * if the size of frames changes. An integer >= 1, or `Infinity`. Default 178 956 970, as in
   * Pillow.
   */
  readonly maxPixels?: number
  /**
   * Largest number of frames of a call, all chunks together. An integer >= 1, or `Infinity`.
   * Default `Infinity`.
   */
  readonly maxFrames?: number
  /**
   * Largest array that a call returns, in bytes; each chunk counts alone. An integer >= 1, or
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

/** @throws MediaError `ERR_TOO_LARGE` if a frame has more than `maxPixels` */
export function checkPixels(
  width: number,
  height: number,
  { maxPixels }: Pick<Limits, 'maxPixels'>,
): void {
  if (width * height <= maxPixels) return
  throw tooLarge('maxPixels', maxPixels, `frames of ${width}x${height}, ${width * height} pixels`)
}

/** @throws MediaError `ERR_TOO_LARGE` if the result has more than `maxResultBytes` */
export function checkBytes(
  bytes: number,
  what: string,
  { maxResultBytes }: Pick<Limits, 'maxResultBytes'>,
): void {
  if (bytes <= maxResultBytes) return
  throw tooLarge('maxResultBytes', maxResultBytes, `${what} take ${bytes} bytes`)
}

/** @throws MediaError `ERR_TOO_LARGE` if there are more than `maxFrames` */
export function checkFrames(frames: number, { maxFrames }: Pick<Limits, 'maxFrames'>): void {
  if (frames <= maxFrames) return
  throw tooLarge('maxFrames', maxFrames, `there are ${frames} frames or more`)
}

/**
 * The value of FFmpeg's own `max_pixels`. FFmpeg's message only says that a size is invalid. So
 * this value only bounds its allocations, and smaller frames are refused here.
 */
export function maxPixelsOption({ maxPixels }: Pick<Limits, 'maxPixels'>): number {
  return Math.min(Math.max(maxPixels, LEAST_PIXELS), 2 ** 31 - 1)
}

/**
 * Checks whether a failed decoder refused a size. The decoder keeps the size, or forgets it.
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

/** Size of a harmless frame, in pixels. */
const LEAST_PIXELS = 1 << 24
