import { MediaError } from '../base/errors.ts'
import type { HeifPicture } from './containers/mp4.ts'

/**
 * HEIC, what phones write, is in the boxes of a video, of which FFmpeg finds the tiles, and not the
 * picture that they make.
 *
 * @throws MediaError `ERR_UNSUPPORTED`
 */
export function refuseStill({ format, item }: HeifPicture): never {
  const parts = item === 'grid' ? ', made of tiles' : ''
  throw new MediaError(
    'ERR_UNSUPPORTED',
    `a still ${format} picture${parts}, not a video: \`loadImage\` reads it`,
  )
}
