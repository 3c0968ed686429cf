import { badOption, MediaError } from './errors.ts'

// What the limits of images, sound and video have in common.

/** Most pixels of a picture or frame where no limit is given: where Pillow refuses, too. */
const DEFAULT_MAX_PIXELS = 178_956_970
/** Most bytes of the array that a call returns where no limit is given. */
export const DEFAULT_MAX_RESULT_BYTES: number = 2 ** 31

/** The limits of pictures and frames. */
type PictureLimits = Readonly<Record<'maxPixels' | 'maxFrames' | 'maxResultBytes', number>>

const DEFAULT_PICTURE_LIMITS: PictureLimits = {
  maxPixels: DEFAULT_MAX_PIXELS,
  maxFrames: Number.POSITIVE_INFINITY,
  maxResultBytes: DEFAULT_MAX_RESULT_BYTES,
}

/** Their names. */
export const PICTURE_LIMITS: readonly (keyof PictureLimits)[] = [
  'maxPixels',
  'maxFrames',
  'maxResultBytes',
]

/** Checks them, and fills in defaults. @throws MediaError `ERR_BAD_OPTION` */
export function pictureLimits(options: Partial<PictureLimits>): PictureLimits {
  return countLimits(options, DEFAULT_PICTURE_LIMITS)
}

/** Checks limits that are counts, and fills in defaults. @throws MediaError `ERR_BAD_OPTION` */
export function countLimits<D extends Readonly<Record<string, number>>>(
  given: { readonly [name in keyof D]?: number | undefined },
  defaults: D,
): { readonly [name in keyof D]: number } {
  const limits: Record<string, number> = { ...defaults }
  for (const name of Object.keys(defaults)) {
    const value: unknown = given[name]
    if (value === undefined) continue
    if (value !== Number.POSITIVE_INFINITY && !(Number.isInteger(value) && (value as number) >= 1))
      throw badOption(name, 'an integer >= 1 or Infinity', value)
    limits[name] = value as number
  }
  return limits as { readonly [name in keyof D]: number }
}

/** The error for something that is larger than an option allows. `what` says what, and its size. */
export function tooLarge(option: string, limit: number, what: string): MediaError {
  return new MediaError('ERR_TOO_LARGE', `${what}, more than \`${option}\` (${limit})`)
}
