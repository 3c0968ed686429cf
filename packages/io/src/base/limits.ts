import { MediaError } from './errors.ts'

// What the limits of images, sound and video have in common.

/** Most pixels of a picture or frame where no limit is given: where Pillow refuses, too. */
export const DEFAULT_MAX_PIXELS = 178_956_970
/** Most bytes of the array that a call returns where no limit is given. */
export const DEFAULT_MAX_RESULT_BYTES: number = 2 ** 31

/** The error for something that is larger than an option allows. `what` says what, and its size. */
export function tooLarge(option: string, limit: number, what: string): MediaError {
  return new MediaError('ERR_TOO_LARGE', `${what}, more than \`${option}\` (${limit})`)
}
