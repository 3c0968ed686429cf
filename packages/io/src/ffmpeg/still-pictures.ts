import { MediaError } from '../base/errors.ts'
import type { HeifPicture } from './containers/mp4.ts'

/**
 * Refuses HEIC, which phones write. It is in a video container, in which FFmpeg finds the tiles but
 * not the picture that they make.
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
