import { MediaError } from './errors.ts'

// The common parts of the limits of images, sound and video.

/** Default limit of the pixels of a picture or frame, as in Pillow. */
export const DEFAULT_MAX_PIXELS = 178_956_970
/** Default limit of the bytes of an array that a call returns. */
export const DEFAULT_MAX_RESULT_BYTES: number = 2 ** 31

/** The error for something that exceeds an option. `what` names it and its size. */
export function tooLarge(option: string, limit: number, what: string): MediaError {
  return new MediaError('ERR_TOO_LARGE', `${what}, more than \`${option}\` (${limit})`)
}
