import { currentCall } from 'spindle'
import type { NdArray } from '../base/array.ts'
import { errorOf } from '../base/errors.ts'
import { checkSource, describeSource, type ImageSource, localSource } from '../files/source.ts'
import { readSource } from '../files/source-bytes.ts'
import { fetchingOf } from '../files/url-options.ts'
import { draw } from '../image/augment.ts'
import {
  type DTypeOf,
  type Exactly,
  imageTarget,
  type LoadImageOptions,
} from '../image/image-options.ts'
import { loadWithSharp } from '../image/sharp/sharp.ts'
import { backends } from './backends.ts'
import { imageOps } from './image-ops.ts'
import type { LoadNothing } from './load-image-sync.ts'
import { runInPool } from './pool.ts'

/**
 * Loads one image: reads, decodes, turns it as its EXIF orientation says, scales and fits it.
 *
 * JPEG, PNG, WebP, GIF, AVIF and TIFF; HEIC and BMP with the ffmpeg backend. What a file is, its
 * bytes say, not its name. Transparency is dropped unless `'rgba'` is asked for, as Pillow and
 * torchvision do; embedded colour profiles are ignored; CMYK is converted by the plain formula.
 * Many calls may run at a time: with the ffmpeg backend all is done in the package's worker
 * threads, which the calls wait for; in an op that runs in a worker thread already, `loadImageSync`
 * is the one to call.
 *
 * @returns by default uint8, `[height, width, 3]`; red, green, blue, 0..255. See
 *   {@link PixelFormat} for other shapes and dtypes; with
 * `frames: 'all'` the number of pictures comes first
 * @throws MediaError with `code`
 * - `ERR_READ`: the source cannot be read
 * - `ERR_DECODE`: it is empty, not an image, damaged or truncated
 * - `ERR_UNSUPPORTED`: a kind of image or an option that the backend cannot do; the message names
 *   the way out
 * - `ERR_TOO_LARGE`: more than `maxPixels`, `maxFrames` or `maxResultBytes`, or more than
 *   `maxBytes` from a URL
 * - `ERR_BACKEND_MISSING`: neither `node-av` nor `sharp` is installed, or not the one asked for
 * - `ERR_BAD_OPTION`: an option is unknown or breaks its rule
 * @throws the signal's reason, when aborted
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { loadImage } from '@spindle/io'
 *
 * const image = await loadImage('examples/photos/cat-1.png', { width: 224, height: 224, mode: 'crop' })
 * assert.deepEqual(image.shape, [224, 224, 3])
 * ```
 */
export async function loadImage<O extends LoadImageOptions = LoadNothing>(
  source: ImageSource,
  options?: Exactly<O, LoadImageOptions>,
): Promise<NdArray<DTypeOf<O>>> {
  const caller = currentCall()
  checkSource(source, 'source')
  const given: LoadImageOptions = options ?? {}
  const target = imageTarget(given)
  const { signal, augment, rng } = given
  signal?.throwIfAborted()
  const augmentation = augment && draw(augment, rng!)
  const backend = await backends.get(given.backend)
  if (backend.name === 'sharp') {
    return (await loadWithSharp(
      backend,
      source,
      target,
      augmentation,
      fetchingOf(given),
      caller,
    )) as unknown as NdArray<DTypeOf<O>>
  }
  const local = localSource(source) ?? (await readSource(source, fetchingOf(given)))
  const loaded = await runInPool(
    imageOps.load,
    { source: local, target, augmentation },
    signal,
    caller,
  )
  if ('problem' in loaded) throw errorOf(loaded, describeSource(source))
  return loaded as unknown as NdArray<DTypeOf<O>>
}
