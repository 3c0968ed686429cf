import { badOption } from '../base/errors.ts'
import { draw } from '../image/augment.ts'
import {
  type BackendName,
  type ImageTarget,
  imageTarget,
  type LoadImageOptions,
} from '../image/image-options.ts'
import type { ImageJob, ImageResult } from '../image/load-image-in-thread.ts'
import type { MediaFunction } from './media-function.ts'

/** What a thread is told besides the source. */
export type ImageTask = Omit<ImageJob, 'source'>

/** `loadImage` and `loadImageSync`. */
export const imageLoading: MediaFunction<
  LoadImageOptions,
  ImageTarget,
  ImageTask,
  ImageResult,
  ImageResult
> = {
  check: (options) => imageTarget(options),
  job(target, { augment, rng, backend }, isPosted) {
    if (!isPosted) refuseSharp(backend)
    return { target, augmentation: augment && draw(augment, rng!) }
  },
  value: (loaded) => loaded,
}

/** Options of which none is given. */
export type LoadNothing = Readonly<Record<never, never>>

/** sharp has no synchronous calls. @throws MediaError `ERR_BAD_OPTION` */
export function refuseSharp(backend: BackendName | undefined): void {
  if (backend === 'sharp')
    throw badOption('backend', "'ffmpeg', or left out: sharp has no synchronous calls", backend)
}
